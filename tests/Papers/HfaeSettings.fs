/// Every setting of every variant of hfae beside its paper.
module Reproduction.Tests.HfaeSettings

open Expecto
open Reproduction.Tests.SettingsTables

let private hfae: Table = [
    "network", "resnet18" // Section 4: ResNet-18 (R18)
    "layers", list [ "layer1"; "layer2"; "layer3" ] // Section 3.1: the outputs of the first three stages
    "levels", "[1,2,3]" // (8): K levels
    "kernel_sizes", "[1,3,1]" // Section 4: 1x1, 3x3, 1x1
    "negative_slope", "0.1" // Section 4: LeakyReLU with slope 0.1
    "normalise", "true" // (6)
    "weight_by_positions", "true" // (9): 1/(w_k h_k)
    "sigma", "4" // (10): sigma = 4
    "image_size", "256" // ours
    "epochs", "30" // ours
    "batch_size", "4" // ours
    "training_images", "0" // all
    "learning_rate", "0.4" // Section 4: SGD, initial learning rate 0.4
    "momentum", "0.9" // Section 4
    "weight_decay", "0.0001" // Section 4: 1e-4
]

let private hfaeVariants: (string * Table) list = [
    "resnet18", []
    "wide_resnet50_2", [ "network", "wide_resnet50_2" ]
    "resnet50_v1", [ "network", "resnet50_v1" ]
    "resnet18_cntk", [ "network", "resnet18_cntk" ]
    "plain-sum", [ "weight_by_positions", "false" ]
    "stpm-schedule", [ "batch_size", "32"; "epochs", "100" ] // STPM's public code
    "no-normalisation", [ "normalise", "false"; "learning_rate", "0.04" ]
    "level1", [ "levels", "[1]" ]
    "level2", [ "levels", "[2]" ]
    "level3", [ "levels", "[3]" ]
    "levels23", [ "levels", "[2,3]" ]
    "kernels111", [ "kernel_sizes", "[1,1,1]" ]
    "kernels333", [ "kernel_sizes", "[3,3,3]" ]
    "kernels151", [ "kernel_sizes", "[1,5,1]" ]
]

let private expectedHfae variant (_, dataset) =
    hfaeVariants
    |> List.tryFind (fst >> (=) variant)
    |> Option.map (fun (_, changes) ->
        let table = changed changes hfae
        // MNIST, Fashion-MNIST and CIFAR-10 at their size; epochs ours.
        if List.contains dataset [ "mnist"; "fashion-mnist"; "cifar10" ] then
            changed [ "image_size", "32"; "epochs", "3" ] table
        else
            table)

[<Tests>]
let tests = testList "paper settings" [ pinned "hfae" expectedHfae ]
