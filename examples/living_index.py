"""An index whose items come and go: removed, replaced, added again, while it answers."""

import threading

import numpy as np
import vecinal

# Points on a line: item i lies at i.
index = vecinal.Index(dim=1)
index.add(np.arange(1000, dtype=np.float32)[:, None])


def nearest() -> int:
    return int(index.search([[500.4]], k=1).ids[0, 0])


print("nearest to 500.4:", nearest())

# Searches go on beside a writer; each sees a change whole or not at all.
writer = threading.Thread(target=lambda: [index.remove(id) for id in range(400, 600)])
writer.start()
for _ in range(100):
    nearest()
writer.join()
print("without 400 to 599:", nearest())

# An item moves.
index.update([7], [[500.0]])
print("7 has moved:", nearest())

# New items take the places of those that went; compact() gives back what is left over.
index.compact()
print(len(index), "items,", index.stats()["free"], "rows waiting")
