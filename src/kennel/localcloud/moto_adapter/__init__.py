"""The only place that knows moto's private attributes, and the corrections of moto."""
