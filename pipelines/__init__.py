"""tf.data pipelines: records in, batches of the contract out."""
