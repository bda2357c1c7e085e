// hfae: which levels are reconstructed, how residuals are compared, and the decoder's kernels.
#r "../Analysis.FSharp/bin/Release/net10.0/Reproduction.Analysis.dll" // dotnet build -c Release

open Reproduction.Analysis

Script.ofCall __SOURCE_DIRECTORY__ fsi.CommandLineArgs
|> StudyCommands.ablate "hfae: levels, normalisation and kernels" "hfae" [
    "resnet18"
    "level1"
    "level2"
    "level3"
    "levels23"
    "plain-sum"
    "no-normalisation"
    "kernels111"
    "kernels333"
    "kernels151"
] [ "image_auroc"; "pixel_auroc"; "aupro" ]
|> exit
