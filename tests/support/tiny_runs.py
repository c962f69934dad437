"""Short texts for analyses of a tiny model."""

from core.examples.reading import from_rows


def texts(count=4, paired=True, longer=0):
    rows = []
    for i in range(count):
        tail = " w9" * (longer if i == 0 else 0)
        rows.append({"label": "anomalous", "text": f"w1 w{10 + i} w2 w{10 + i} w3{tail}", "pair": f"p{i}"})
        rows.append({"label": "normal", "text": f"w1 w{10 + i} w2 w{30 + i} w3{tail}", "pair": f"p{i}"})
    for row in rows:
        row["pair"] = row["pair"] if paired else ""
    return from_rows(rows)
