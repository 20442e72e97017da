"""An Azure Container Registry: its token service, in front of a registry program that keeps the images."""
