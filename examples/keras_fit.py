"""A network of ours under Keras' own `compile` and `fit`: python examples/keras_fit.py"""

import keras

from aifashion import data, datasets
from aifashion.recipes import RECIPES
from pipelines import keypoints as pipeline


class Network(keras.Model):
    def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):
        terms = self.system.loss_terms(y_pred, x, y).values()
        return sum(total / keras.ops.maximum(weight, 1e-6) for total, weight in terms)


def main(steps: int = 200, recipe=RECIPES["quick"]) -> keras.callbacks.History:
    system, dataset = recipe.system, datasets.named(recipe.dataset)
    records = data.labelled(data.choose(None, dataset), dataset)  # draws a sample where none is
    source = pipeline.source_for(system, records, dataset.SCHEMA)
    order = pipeline.Order(len(records), batch_size=16, seed=0)
    batches = pipeline.training(source, order, recipe.augmentation, range(steps))
    plain = system.build()
    network = Network(plain.input, plain.output)
    network.system = system
    network.compile(keras.optimizers.AdamW(2e-3))
    return network.fit(batches.map(lambda x, y: ({k: x[k] for k in plain.input}, y)), shuffle=False)


if __name__ == "__main__":
    main()
