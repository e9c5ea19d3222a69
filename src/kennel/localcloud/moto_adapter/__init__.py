"""moto's private attributes, and patches of moto: no other package uses or changes them."""
