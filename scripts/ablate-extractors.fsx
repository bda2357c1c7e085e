// favae, figure 3b and Table 3: whose features the decoder is trained to match.
#r "../Analysis.FSharp/bin/Release/net10.0/Reproduction.Analysis.dll" // dotnet build -c Release

open Reproduction.Analysis

Script.ofCall __SOURCE_DIRECTORY__ fsi.CommandLineArgs
|> StudyCommands.ablate "favae: the feature extractor" "favae" [
    "vanilla"
    "vgg16"
    "random"
    "unfrozen"
    "encoder-stop"
    "encoder"
    "resnet18"
    "random-resnet18"
    "unfrozen-resnet18"
    "vgg19"
    "yolov3"
] [ "image_auroc"; "pixel_auroc"; "aupro" ]
|> exit
