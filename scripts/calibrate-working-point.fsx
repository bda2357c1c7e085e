// gaussian, Table IV: what n sigma promise and what they keep, with and without augmentation.
#r "../Analysis.FSharp/bin/Release/net10.0/Reproduction.Analysis.dll" // dotnet build -c Release

open Reproduction.Analysis

Script.ofCall __SOURCE_DIRECTORY__ fsi.CommandLineArgs
|> StudyCommands.calibrate "gaussian: the n-sigma working point" "gaussian" [
    for model in [ "pca99"; "mahalanobis"; "npca1" ] do
        for fit in [ ""; "-augmented" ] do
            $"efficientnetv2_b0-{model}{fit}"
]
|> exit
