"""Losses over pairs as loops over anchors, to compare ours with."""

import functools
import math

import numpy as np
import tensorflow as tf


def pairs_of(labels):
    for i, label in enumerate(labels):
        same = [j for j, b in enumerate(labels) if b == label and j != i]
        other = [j for j, b in enumerate(labels) if b != label]
        if same:
            yield i, same, other


def naive_contrastive(labels, z, margin=1.1):
    positive, negative = [], []
    for i, same, other in pairs_of(labels):
        positive += [math.dist(z[i], z[j]) ** 2 for j in same]
        gaps = [margin - math.dist(z[i], z[j]) for j in other]
        negative += [gap**2 for gap in gaps if gap > 0]
    return np.mean(positive) + np.mean(negative)


def naive_triplet_semi_hard(labels, z, margin=0.3):
    losses = []
    for i, same, other in pairs_of(labels):
        negatives = [math.dist(z[i], z[j]) ** 2 for j in other]
        for j in same:
            positive = math.dist(z[i], z[j]) ** 2
            farther = [d for d in negatives if d > positive]
            negative = min(farther) if farther else max(negatives)
            losses.append(max(0.0, positive - negative + margin))
    return np.mean(losses)


def hardest(labels, z):
    """Yields the gap between hardest positive and hardest negative."""
    for i, same, other in pairs_of(labels):
        positive = max(math.dist(z[i], z[j]) for j in same)
        yield positive - min(math.dist(z[i], z[j]) for j in other)


def naive_triplet_hard(labels, z, margin=0.3):
    return np.mean([max(0.0, gap + margin) for gap in hardest(labels, z)])


def naive_triplet_hard_soft(labels, z):
    return np.mean([math.log(1 + math.exp(gap)) for gap in hardest(labels, z)])


def naive_n_pair(labels, z, temperature=0.5):
    losses = []
    for i, same, other in pairs_of(labels):
        for j in same:
            gaps = [(z[i] @ z[n] - z[i] @ z[j]) / temperature for n in other]
            losses.append(math.log(1 + sum(map(math.exp, gaps))))
    return np.mean(losses)


def naive_angular(labels, z, angle=40.0):
    t = math.tan(math.radians(angle)) ** 2
    losses = []
    for i, same, other in pairs_of(labels):
        for j in same:
            total = 0.0
            for n in other:
                negative_term = 4 * t * (z[i] + z[j]) @ z[n]
                total += math.exp(negative_term - 2 * (1 + t) * z[i] @ z[j])
            losses.append(math.log(1 + total))
    return np.mean(losses)


def naive_lifted_structure(labels, z, margin=0.5):
    losses = []
    for i, same, other in pairs_of(labels):
        positive = sum(math.exp(math.dist(z[i], z[j])) for j in same)
        negative = sum(math.exp(margin - math.dist(z[i], z[j])) for j in other)
        losses.append(max(0.0, math.log(positive) + math.log(negative)))
    return np.mean(losses)


def naive_circle(labels, z, scale=8.0, m=0.3, held=None):
    """`held`: the embeddings the weights come from, constant in gradients."""
    held = z if held is None else held
    losses = []
    for i, same, other in pairs_of(labels):
        positive = negative = 0.0
        for j in same:
            alpha = max(0.0, 1 + m - held[i] @ held[j])
            positive += math.exp(-scale * alpha * (z[i] @ z[j] - (1 - m)))
        for j in other:
            alpha = max(0.0, held[i] @ held[j] + m)
            negative += math.exp(scale * alpha * (z[i] @ z[j] - m))
        losses.append(math.log(1 + positive * negative))
    return np.mean(losses)


def naive_histogram(labels, z, num_bins=20):
    nodes = np.linspace(-1, 1, num_bins + 1)

    def histogram(similarities):
        closeness = 1 - np.abs(np.subtract.outer(nodes, similarities)) * (
            num_bins / 2
        )
        return np.maximum(closeness, 0.0).mean(axis=1)

    positive, negative = [], []
    for i, same, other in pairs_of(labels):
        positive += [z[i] @ z[j] for j in same]
        negative += [z[i] @ z[j] for j in other]
    return histogram(negative) @ np.cumsum(histogram(positive))


def naive_margin(labels, z, boundary=1.1, margin=0.3, seed=1, held=None):
    """`held`: the embeddings by whose distances the negatives are drawn."""
    held = z if held is None else held
    losses = []
    for i, same, other in pairs_of(labels):
        # Positives in the order of the class circle: those after i first.
        for k, j in enumerate(sorted(same, key=lambda j: (j < i, j))):
            losses.append(math.dist(z[i], z[j]) - boundary + margin)
            near = [n for n in other if math.dist(held[i], held[n]) < 1.4]
            if near:
                n = near[drawn_place(held, i, near, uniform(len(z), seed, k))]
                losses.append(boundary - math.dist(z[i], z[n]) + margin)
    return np.mean([loss for loss in losses if loss > 0])


def drawn_place(z, i, near, point, cutoff=0.5):
    """Draws one of the negatives of row i, by the published weights."""
    dim = z.shape[1]
    weights = []
    for n in near:
        d = max(cutoff, math.dist(z[i], z[n]))
        q = d ** (dim - 2) * (1 - d * d / 4) ** ((dim - 3) / 2)
        weights.append(1 / q)
    return np.searchsorted(np.cumsum(weights), point[i] * sum(weights))


@functools.cache
def uniform(num_rows, seed, draw):
    bits = tf.random.stateless_uniform(
        [num_rows], [seed, draw], None, None, tf.uint32, alg="philox"
    )
    return (bits.numpy() >> 8) / 2**24


def naive_multi_similarity(labels, z, alpha=2, beta=40, lam=0.5, eps=0.1):
    losses = []
    for i, same, other in pairs_of(labels):
        positive = [float(z[i] @ z[j]) for j in same]
        negative = [float(z[i] @ z[j]) for j in other]
        hard_positive = [s for s in positive if s < max(negative) + eps]
        hard_negative = [s for s in negative if s > min(positive) - eps]
        attraction = sum(math.exp(-alpha * (s - lam)) for s in hard_positive)
        repulsion = sum(math.exp(beta * (s - lam)) for s in hard_negative)
        losses.append(
            math.log(1 + attraction) / alpha + math.log(1 + repulsion) / beta
        )
    return np.mean(losses)


def naive_supcon(labels, z, temperature=0.5):
    losses = []
    for i, same, other in pairs_of(labels):
        total = sum(math.exp(z[i] @ z[j] / temperature) for j in same + other)
        shares = [math.exp(z[i] @ z[j] / temperature) / total for j in same]
        losses.append(-np.mean(np.log(shares)))
    return np.mean(losses)


def naive_nt_xent(labels, z, temperature=0.5):
    losses = []
    z = z / np.linalg.norm(z, axis=1, keepdims=True)
    for i, same, other in pairs_of(labels):
        negative = sum(math.exp(z[i] @ z[n] / temperature) for n in other)
        for j in same:
            positive = math.exp(z[i] @ z[j] / temperature)
            losses.append(-math.log(positive / (positive + negative)))
    return np.mean(losses)
