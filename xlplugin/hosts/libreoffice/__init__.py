"""libreoffice."""
