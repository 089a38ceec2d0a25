"""Encodes with a subprocess for each part, from Python: by itself, or from tasks of Ray or Dask.

    python subprocess_per_partition.py --decoder decoder.safetensors --data samples.npy --out codes --parts 16

Options that this file does not know go to `latentflow encode`.
"""

import argparse
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor


def encode_part(index, parts, arguments, attempts=4):
    """Encodes one part; started again where it was killed.

    index      which part, from 0
    parts      how many there are
    arguments  of `latentflow encode`: a list that has --decoder, --data and --out
    attempts   how often it is started at most
    returns    the index
    raises     RuntimeError with what the program said
    """
    command = ["latentflow", "encode", *arguments, "--part", f"{index}/{parts}", "--threads", "1", "--quiet"]
    for _ in range(attempts):
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        # A signal's number below zero says that it was killed. A wrong option or file is 1 or 2: it would be wrong again.
        if done.returncode >= 0:
            break
    if done.returncode != 0:
        raise RuntimeError(f"part {index}/{parts} ended with {done.returncode}: {done.stderr.strip()}")
    return index


def encode_all(parts, arguments, workers):
    """Encodes all parts on this machine, so many at a time."""
    # Threads: each waits for a process.
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(lambda index: encode_part(index, parts, arguments), range(parts)))

    # With Ray, on the nodes of a cluster that share a file system:
    #
    #   import ray
    #   encode = ray.remote(num_cpus=1, max_retries=4)(encode_part)
    #   ray.get([encode.remote(index, parts, arguments) for index in range(parts)])
    #
    # With Dask, as delayed calls or as a bag with a partition for each part:
    #
    #   import dask
    #   dask.compute([dask.delayed(encode_part)(index, parts, arguments) for index in range(parts)])
    #
    #   import dask.bag
    #   dask.bag.from_sequence(range(parts), npartitions=parts).map(encode_part, parts, arguments).compute()


def main():
    parser = argparse.ArgumentParser(
        description="encodes with a subprocess for each part, and merges", allow_abbrev=False
    )
    parser.add_argument("--out", required=True)
    parser.add_argument("--parts", type=int, default=16)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    options, arguments = parser.parse_known_args()
    encode_all(options.parts, ["--out", options.out, *arguments], options.workers)
    subprocess.run(["latentflow", "merge", options.out], check=True)


if __name__ == "__main__":
    main()
