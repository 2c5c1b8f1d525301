"""Query conditions of ``$match``, one file per family of MongoDB's manual."""
