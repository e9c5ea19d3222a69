"""The HTTP side: messages, the codec of AWS's protocols, and Signature Version 4."""
