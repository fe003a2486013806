"""pytorch-metric-learning's losses, for losses.py to time in another process.

Run by losses.py with the interpreter given as `--torch-python`. Reads one
question a line from stdin and answers on stdout, both JSON: first the names of
the losses; to a batch, the value of its loss; to a step, its seconds; and the
gradient by the embeddings where it is asked for.
"""

import json
import math
import sys
import time

import torch
from pytorch_metric_learning import distances, losses, miners, reducers


def peers(num_classes, dim):
    """Returns name -> (loss, miner or None), in the definition of ours."""
    mean = reducers.MeanReducer()
    return {
        "triplet_hard": (
            losses.TripletMarginLoss(margin=0.2, reducer=mean),
            miners.BatchHardMiner(),
        ),
        "n_pair": (losses.NTXentLoss(temperature=0.1), None),
        "angular": (losses.AngularLoss(alpha=40), None),
        "lifted_structure": (
            losses.GeneralizedLiftedStructureLoss(
                neg_margin=1, pos_margin=0, distance=distances.LpDistance()
            ),
            None,
        ),
        "multi_similarity": (
            losses.MultiSimilarityLoss(alpha=2, beta=40, base=0.5),
            miners.MultiSimilarityMiner(epsilon=0.1),
        ),
        "circle": (losses.CircleLoss(m=0.4, gamma=80, reducer=mean), None),
        "histogram": (losses.HistogramLoss(n_bins=100), None),
        "margin": (
            losses.MarginLoss(margin=0.2, beta=1.2),
            miners.DistanceWeightedMiner(cutoff=0.5, nonzero_loss_cutoff=1.4),
        ),
        "supcon": (losses.SupConLoss(temperature=0.1), None),
        "nt_xent": (losses.NTXentLoss(temperature=0.07), None),
        "tuplet_margin": (losses.TupletMarginLoss(), None),
        "intra_pair_variance": (losses.IntraPairVarianceLoss(), None),
        "threshold_consistent_margin": (
            losses.ThresholdConsistentMarginLoss(),
            None,
        ),
        "snr_contrastive": (losses.SignalToNoiseRatioContrastiveLoss(), None),
        "ranked_list": (losses.RankedListLoss(margin=0.4, Tn=10), None),
        "fast_ap": (losses.FastAPLoss(), None),
        "smooth_ap": (losses.SmoothAPLoss(), None),
        "pnp": (losses.PNPLoss(variant="Dq"), None),
        "normalized_softmax": (
            losses.NormalizedSoftmaxLoss(num_classes, dim),
            None,
        ),
        "cosface": (losses.CosFaceLoss(num_classes, dim), None),
        "arcface": (
            losses.ArcFaceLoss(num_classes, dim, margin=math.degrees(0.5)),
            None,
        ),
        "subcenter_arcface": (
            losses.SubCenterArcFaceLoss(
                num_classes=num_classes,
                embedding_size=dim,
                margin=math.degrees(0.5),
            ),
            None,
        ),
        "soft_triple": (losses.SoftTripleLoss(num_classes, dim), None),
        "sphereface": (losses.SphereFaceLoss(num_classes, dim), None),
        "proxy_nca": (
            losses.ProxyNCALoss(num_classes, dim, softmax_scale=1),
            None,
        ),
        "proxy_anchor": (losses.ProxyAnchorLoss(num_classes, dim), None),
    }


def main():
    """Answers questions until stdin ends."""
    torch.set_num_threads(int(sys.argv[1]))
    answer(list(peers(2, 2)))
    batch = None
    for line in sys.stdin:
        question = json.loads(line)
        if "step" in question:
            start = time.perf_counter()
            step(*batch)
            answer(time.perf_counter() - start)
        elif "gradient" in question:
            step(*batch)
            answer(batch[-1].grad.tolist())
        else:
            batch = load(**question)
            answer(step(*batch))


def load(name, labels, embeddings, proxies):
    """Returns (loss, miner, labels, embeddings) as torch has them."""
    labels = torch.tensor(labels)
    embeddings = torch.tensor(embeddings, requires_grad=True)
    num_classes = int(labels.max()) + 1
    loss, miner = peers(num_classes, embeddings.shape[1])[name]
    if proxies is not None:
        (parameter,) = loss.parameters()
        with torch.no_grad():
            values = torch.tensor(proxies)
            # Most keep them transposed.
            same = parameter.shape == values.shape
            parameter.copy_(values if same else values.T)
    return loss, miner, labels, embeddings


def step(loss, miner, labels, embeddings):
    """Goes forward and backward once; returns the loss."""
    embeddings.grad = None
    mined = miner(embeddings, labels) if miner else None
    value = loss(embeddings, labels, mined)
    value.backward()
    return value.item()


def answer(value):
    """Writes a line that losses.py waits for."""
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    main()
