// ssae, section 3.2 and figure 11: what the training images are distorted by, and the two objectives.
#r "../Analysis.FSharp/bin/Release/net10.0/Reproduction.Analysis.dll" // dotnet build -c Release

open Reproduction.Analysis

Script.ofCall __SOURCE_DIRECTORY__ fsi.CommandLineArgs
|> StudyCommands.ablate "ssae: distortions and objectives" "ssae" [
    "objective1"
    "objective1-cutout"
    "objective1-swap"
    "objective4"
    "objective4-cutout"
    "objective4-swap"
    "ensemble"
] [ "image_auroc"; "pixel_auroc"; "aupro" ]
|> exit
