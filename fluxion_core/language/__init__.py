"""MongoDB's aggregation language over plain Python values: documents in, documents out."""
