// gaussian, Table IV: what n sigma promise and what they keep, with and without augmentation.
#load "analysis.fsx"

Analysis.calibrate
    "gaussian: the n-sigma working point"
    "gaussian"
    [ for model in [ "pca99"; "mahalanobis"; "npca1" ] do
          for fit in [ ""; "-augmented" ] do
              $"efficientnetv2_b0-{model}{fit}" ]
