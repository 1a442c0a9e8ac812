"""Parts of updates of policies, and their exact moments."""
