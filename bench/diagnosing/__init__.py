"""The causes of wrong gradients, as audits and certificates name them."""
