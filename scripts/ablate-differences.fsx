// dfr: what each difference between the paper and the authors' public code does, one at a time, and all of them together.
#r "../Analysis.FSharp/bin/Release/net10.0/Reproduction.Analysis.dll" // dotnet build -c Release

open Reproduction.Analysis

Script.ofCall __SOURCE_DIRECTORY__ fsi.CommandLineArgs
|> StudyCommands.ablate "dfr: paper against public code, difference by difference" "dfr" [
    "paper-f1-4-zero"
    for difference in
        [
            "alignment=bilinear_align_corners"
            "norm=mean_square"
            "feature_divisor=100"
            "batch_norm=true"
            "batch_norm=true+feature_divisor=100"
            "batch_norm=true+norm=mean_square+feature_divisor=100"
            "latent_images=10+latent_samples=0"
            "latent_share_of_hidden=2"
            "upsample_align_corners=true"
        ] do
        $"paper-f1-4-zero+{difference}"
    "code-f1-4"
] [ "pixel_auroc"; "aupro"; "image_auroc" ]
|> exit
