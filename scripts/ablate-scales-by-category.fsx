// dfr, Figures 5 to 8: more and more of VGG-19's scales, on objects and on textures.
#r "../Analysis.FSharp/bin/Release/net10.0/Reproduction.Analysis.dll" // dotnet build -c Release

open Reproduction.Analysis

Script.ofCall __SOURCE_DIRECTORY__ fsi.CommandLineArgs
|> StudyCommands.ablateCategories "dfr: more and more scales of VGG-19" "dfr" [
    for scales in [ "f1-2"; "f1-4"; "f1-8"; "f1-12"; "f1-16" ] -> $"paper-{scales}-zero"
] [ "pixel_auroc"; "aupro" ]
|> exit
