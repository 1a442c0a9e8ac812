"""Pages of the site that are made from the program: each module has `pages()`, from paths to texts."""
