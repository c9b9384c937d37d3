import numpy as np
import vecinal

colours = {"crimson": (220, 20, 60), "salmon": (250, 128, 114), "gold": (255, 215, 0),
           "olive": (128, 128, 0), "teal": (0, 128, 128), "navy": (0, 0, 128)}
names = list(colours)

index = vecinal.Index(dim=3, metric="l2")
index.add(np.array(list(colours.values()), dtype="float32"))

for query in ([255, 100, 100], [10, 10, 100]):
    ids, distances = index.search(np.array(query, dtype="float32"), k=2)
    print(query, "is like", " and ".join(names[i] for i in ids))
