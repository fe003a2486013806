"""Losses over pairs as loops over anchors, to compare ours with."""

import functools
import math

import numpy as np
import tensorflow as tf


class Anchored(list):
    """Labels of which only the first are of anchors."""

    num_anchors: int


def num_anchors(labels):
    return getattr(labels, "num_anchors", len(labels))


def pairs_of(labels):
    for i, label in enumerate(labels[: num_anchors(labels)]):
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
                n = near[
                    drawn_place(
                        held, i, near, uniform(num_anchors(labels), seed, k)
                    )
                ]
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


def naive_tuplet_margin(labels, z, scale=8.0, angle=5.73):
    losses = []
    for i, same, other in pairs_of(labels):
        for j in same:
            eased = math.cos(math.acos(z[i] @ z[j]) - math.radians(angle))
            gaps = [scale * (z[i] @ z[n] - eased) for n in other]
            losses.append(math.log(1 + sum(map(math.exp, gaps))))
    return np.mean(losses)


def similarities(labels, z):
    """Returns those of all positive and of all negative pairs."""
    positive, negative = [], []
    for i, same, other in pairs_of(labels):
        positive += [z[i] @ z[j] for j in same]
        negative += [z[i] @ z[j] for j in other]
    return np.array(positive), np.array(negative)


def naive_intra_pair_variance(labels, z, positive_slack=0.2, slack=0.01):
    positive, negative = similarities(labels, z)
    below = (1 - positive_slack) * positive.mean() - positive
    above = negative - (1 + slack) * negative.mean()
    return np.mean(below.clip(0) ** 2) + np.mean(above.clip(0) ** 2)


def naive_threshold_consistent_margin(labels, z, low=0.6, high=0.1):
    positive, negative = similarities(labels, z)
    attraction = low - positive[positive <= low]
    repulsion = negative[negative >= high] - high
    return 0.5 * np.mean(attraction) + 2.0 * np.mean(repulsion)


def naive_snr_contrastive(labels, z, margin=0.8):
    positive, negative = [], []
    for i, same, other in pairs_of(labels):
        positive += [np.var(z[i] - z[j]) / np.var(z[i]) for j in same]
        negative += [np.var(z[i] - z[j]) / np.var(z[i]) for j in other]
    gaps = [margin - distance for distance in negative if distance < margin]
    return np.mean(positive) + (np.mean(gaps) if gaps else 0.0)


def naive_ranked_list(labels, z, margin=0.4, alpha=1.3, held=None):
    held = z if held is None else held
    losses = [0.0] * num_anchors(labels)
    for i, same, other in pairs_of(labels):
        for weight, sign, rows, bound, temperature in (
            (0.7, 1, same, alpha - margin, 2.0),
            (0.3, -1, other, alpha, 5.0),
        ):
            gaps = [sign * (math.dist(z[i], z[j]) - bound) for j in rows]
            weights = [
                math.exp(
                    temperature * sign * (math.dist(held[i], held[j]) - bound)
                )
                for j in rows
            ]
            hard = [(w, g) for w, g in zip(weights, gaps, strict=True) if g > 0]
            if hard:
                total = sum(w for w, _ in hard)
                losses[i] += weight * sum(w * g for w, g in hard) / total
    return np.mean(losses)


def naive_fast_ap(labels, z, num_bins=6):
    nodes = np.linspace(0, 4, num_bins + 1)

    def histogram(i, rows):
        squared = [math.dist(z[i], z[j]) ** 2 for j in rows]
        closeness = 1 - np.abs(np.subtract.outer(nodes, squared)) * num_bins / 4
        return np.maximum(closeness, 0.0).sum(axis=1)

    losses = []
    for i, same, other in pairs_of(labels):
        positive, negative = histogram(i, same), histogram(i, other)
        up_to = np.cumsum(positive)
        both = np.maximum(up_to + np.cumsum(negative), 1e-30)
        losses.append(1 - np.sum(positive * up_to / both) / len(same))
    return np.mean(losses)


def naive_centroid_triplet(labels, z, margin=0.3):
    losses = []
    for i, same, _ in pairs_of(labels):
        to_own = math.dist(z[i], z[same].mean(axis=0)) ** 2
        for label in sorted(set(np.asarray(labels)) - {labels[i]}):
            centroid = z[np.asarray(labels) == label].mean(axis=0)
            gap = to_own - math.dist(z[i], centroid) ** 2 + margin
            losses.append(max(0.0, gap))
    return np.mean(losses)


def before(z, i, j, rows, temperature):
    """Returns how many of the rows are before j in the ranking of i."""
    gaps = [(z[i] @ z[k] - z[i] @ z[j]) / temperature for k in rows if k != j]
    return sum(1 / (1 + math.exp(-gap)) for gap in gaps)


def naive_smooth_ap(labels, z, temperature=0.1):
    losses = []
    for i, same, other in pairs_of(labels):
        precisions = []
        for j in [i, *same]:
            rank = 1 + before(z, i, j, [i, *same], temperature)
            negatives = before(z, i, j, other, temperature)
            precisions.append(rank / (rank + negatives))
        losses.append(1 - np.mean(precisions))
    return np.mean(losses)


def naive_pnp(labels, z, temperature=0.1, alpha=2.0):
    losses = []
    for i, same, other in pairs_of(labels):
        numbers = [before(z, i, j, other, temperature) for j in [i, *same]]
        losses.append(np.mean([1 - (1 + n) ** -alpha for n in numbers]))
    return np.mean(losses)


def naive_recall_at_k(labels, z, ks=(1, 4), temperature=0.1):
    recalls = []
    for i, same, other in pairs_of(labels):
        for k in ks:
            found = 0.0
            for j in same:
                rank = 1 + before(z, i, j, same + other, temperature)
                found += 1 / (1 + math.exp(-(k - rank) / 1.5))
            recalls.append(found / min(k, len(same)))
    return 1 - np.mean(recalls)
