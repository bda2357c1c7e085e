// gaussian, Table I: L2, standardized Euclidean and Mahalanobis distance, level by level.
#load "analysis.fsx"

Analysis.ablateLevels
    "gaussian: three distances, level by level"
    "gaussian"
    [ for model in [ "l2"; "sed"; "mahalanobis" ] -> $"efficientnetv2_b0-{model}" ]
