"""``runtime: {parallelism: N}``: N processes read the source and run the stages that keep nothing; this one does the rest, in order.

::

    source ──┬─ worker 1: read, decode, head of the stages ─┐
             └─ worker 2: read, decode, head of the stages ─┴─ this process: tail of the stages ─ seal ─ sinks

The steps of the loop and everything that is durable stay in one process, so that nothing about seals, fencing, state or delivery depends
on N. The groups of a ``$group`` at the head of the tail are dealt out over the workers by key: a worker sends rows of other workers' keys
here, ``exchange`` passes them on in the order of the input, each is folded into its ``shard``, and a seal asks all of them what changed.
:mod:`~fluxion_core.runtime.parallel.division` says whether a pipeline can be divided, ``workers`` starts the processes,
``worker`` is what they do, ``channel`` how both talk, ``part`` what a worker makes of a piece of the input, ``intake`` hands out the
input and takes in the parts, and ``merging`` brings them into the loop.
"""
