-- Records of a partition that are kept beside stock, holds and locations. $1 partition.
SELECT kind, id, text, seq FROM records WHERE partition = $1 AND text IS NOT NULL
