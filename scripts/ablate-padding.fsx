// dfr, Table V: zero or reflection padding in the frozen network.
#r "../Analysis.FSharp/bin/Release/net10.0/Reproduction.Analysis.dll" // dotnet build -c Release

open Reproduction.Analysis

Script.ofCall __SOURCE_DIRECTORY__ fsi.CommandLineArgs
|> StudyCommands.ablate "dfr: zero and reflection padding" "dfr" [
    for scales in [ "f1-4"; "f1-8"; "f1-12" ] do
        for padding in [ "zero"; "reflect" ] do
            $"paper-{scales}-{padding}"
] [ "pixel_auroc"; "aupro"; "image_auroc" ]
|> exit
