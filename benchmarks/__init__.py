"""Side-by-side measurements of habitue's stages and their peers; no part of the package (`make bench`)."""
