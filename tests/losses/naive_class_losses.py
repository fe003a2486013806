"""Losses over proxies as loops over a batch, to compare ours with."""

import math

import numpy as np


def unit(rows):
    rows = np.asarray(rows, np.float64)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def naive_proxy_nca(labels, z, proxies, temperature=0.5):
    proxies = unit(proxies)
    losses = []
    for label, row in zip(labels, unit(z), strict=True):
        logits = [-(math.dist(row, p) ** 2) / temperature for p in proxies]
        others = sum(math.exp(v) for c, v in enumerate(logits) if c != label)
        losses.append(-math.log(math.exp(logits[label]) / others))
    return np.mean(losses)


def naive_proxy_anchor(labels, z, proxies, alpha=8.0, delta=0.1):
    proxies = unit(proxies)
    attraction, repulsion = [], []
    for c, proxy in enumerate(proxies):
        positive = negative = 0.0
        for label, row in zip(labels, unit(z), strict=True):
            if label == c:
                positive += math.exp(-alpha * (row @ proxy - delta))
            else:
                negative += math.exp(alpha * (row @ proxy + delta))
        if c in labels:
            attraction.append(math.log(1 + positive))
        repulsion.append(math.log(1 + negative))
    return np.mean(attraction) + np.mean(repulsion)


def cross_entropy(logits, label):
    return math.log(sum(map(math.exp, logits))) - logits[label]


def naive_normalized_softmax(labels, z, proxies, temperature=0.5):
    logits = unit(z) @ unit(proxies).T / temperature
    return np.mean(list(map(cross_entropy, logits, labels)))


def naive_cosface(labels, z, proxies, scale=8.0, margin=0.35):
    losses = []
    for label, cosines in zip(labels, unit(z) @ unit(proxies).T, strict=True):
        cosines[label] -= margin
        losses.append(cross_entropy(scale * cosines, label))
    return np.mean(losses)


def arcface_of(labels, similarity, scale, margin):
    losses = []
    for label, cosines in zip(labels, similarity, strict=True):
        angle = math.acos(cosines[label])
        if angle + margin <= math.pi:
            cosines[label] = math.cos(angle + margin)
        else:
            cosines[label] -= margin * math.sin(margin)
        losses.append(cross_entropy(scale * cosines, label))
    return np.mean(losses)


def naive_arcface(labels, z, proxies, scale=8.0, margin=1.2):
    return arcface_of(labels, unit(z) @ unit(proxies).T, scale, margin)


def by_class(z, proxies, num_centers):
    centers = unit(proxies).reshape(-1, num_centers, proxies.shape[1])
    return np.einsum("ad,ckd->ack", unit(z), centers)


def naive_subcenter_arcface(labels, z, proxies, num_centers=3):
    nearest = by_class(z, proxies, num_centers).max(axis=2)
    return arcface_of(labels, nearest, scale=8.0, margin=0.5)


def naive_soft_triple(labels, z, proxies, num_centers=3, scale=8.0):
    losses = []
    for label, cosines in zip(
        labels, by_class(z, proxies, num_centers), strict=True
    ):
        weights = np.exp(cosines / 0.1)
        similarity = (weights * cosines).sum(axis=1) / weights.sum(axis=1)
        similarity[label] -= 0.01
        losses.append(cross_entropy(scale * similarity, label))
    return np.mean(losses)


def naive_sphereface(labels, z, proxies, multiple=4, scale=8.0):
    losses = []
    lengths = np.linalg.norm(z, axis=1)
    for label, length, cosines in zip(
        labels, lengths, unit(z) @ unit(proxies).T, strict=True
    ):
        angle = math.acos(cosines[label])
        k = math.floor(multiple * angle / math.pi)
        cosines[label] = (-1) ** k * math.cos(multiple * angle) - 2 * k
        losses.append(cross_entropy(scale * length * cosines, label))
    return np.mean(losses)
