// dfr, Table IV and section V-C: how many of VGG-19's scales, and which.
#r "../Analysis.FSharp/bin/Release/net10.0/Reproduction.Analysis.dll" // dotnet build -c Release

open Reproduction.Analysis

Script.ofCall __SOURCE_DIRECTORY__ fsi.CommandLineArgs
|> StudyCommands.ablate "dfr: which scales of VGG-19" "dfr" [
    for scales in [ "f1-2"; "f1-4"; "f1-8"; "f1-12"; "f1-16"; "f12-12"; "f9-12"; "f5-12"; "f3-12" ] -> $"paper-{scales}-zero"
] [ "pixel_auroc"; "aupro"; "image_auroc" ]
|> exit
