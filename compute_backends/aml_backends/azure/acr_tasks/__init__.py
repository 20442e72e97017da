"""Images that an Azure Container Registry builds itself, by its tasks."""
