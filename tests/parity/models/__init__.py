"""Random-weight models of every family: small widths, true structure, saved as diffusers saves them."""
