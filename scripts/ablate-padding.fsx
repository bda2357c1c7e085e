// dfr, Table V: zero or reflection padding in the frozen network.
#load "analysis.fsx"

Analysis.ablate
    "dfr: zero and reflection padding"
    "dfr"
    [ for scales in [ "f1-4"; "f1-8"; "f1-12" ] do
          for padding in [ "zero"; "reflect" ] do
              $"paper-{scales}-{padding}" ]
    [ "pixel_auroc"; "aupro"; "image_auroc" ]
