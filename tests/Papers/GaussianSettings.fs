/// Every setting of every variant of gaussian beside its paper.
module Reproduction.Tests.GaussianSettings

open System
open Expecto
open Reproduction.Papers
open Reproduction.Tests.SettingsTables

let private resnetLevels = [ "maxpool"; "layer1"; "layer2"; "layer3"; "layer4" ]

/// Table VI: stem, seven groups of blocks, head.
let private efficientNetLevels = [ "stem"; yield! [ for block in 0..6 -> $"blocks.{block}" ]; "head" ]

let private networks = [ // Section IV; sizes of the networks' inputs
    for i, size in List.indexed [ 224; 240; 260; 300; 380; 456; 528; 600 ] do
        $"efficientnet_b{i}", ($"efficientnet-b{i}", size, efficientNetLevels, 16)
    for depth in [ 18; 34; 50 ] do
        $"resnet{depth}", ($"resnet{depth}", 224, resnetLevels, 64)
    "resnet18_cntk", ("resnet18_cntk", 224, resnetLevels, 64)
    "efficientnetv2_b0", ("tf_efficientnetv2_b0", 224, efficientNetLevels, 16)
]

let private models: (string * Table) list = [ // Tables I and III
    "mahalanobis", []
    "l2", [ "normality", "l2" ]
    "sed", [ "normality", "sed" ]
    "pca99", [ "compression", "pca"; "variance", "0.99" ]
    "pca95", [ "compression", "pca"; "variance", "0.95" ]
    "npca1", [ "compression", "npca"; "variance", "0.01" ]
    "npca0.1", [ "compression", "npca"; "variance", "0.001" ]
    "npca0.01", [ "compression", "npca"; "variance", "0.0001" ]
    "ocsvm", [ "normality", "one_class_svm" ]
]

/// Appendix, figure 2, and the public code: which augmentations leave a category's images normal.
let private rulesJson noise (category, dataset) found =
    let among names = dataset = "mvtec" && List.contains category names

    let has (name: string) (value: bool) =
        Expect.stringContains found $"\"{name}\":{(string value).ToLowerInvariant()}" $"{name} of {category}"

    has "flip" (not (among [ "metal_nut"; "pill"; "capsule"; "screw" ]))
    has "rotate90" (not (among [ "transistor" ]))
    // Shifted, enlarged and turned by 15 degrees, or 45; the grid not at all.
    has "background_edge" (not (among [ "grid" ]))
    if not (among [ "grid" ]) then has "rotate45" (among [ "carpet"; "hazelnut"; "leather"; "tile" ])
    has "noise" noise

[<Tests>]
let tests =
    testCase "paper settings.gaussian" (fun () ->
        let expect variant (table: Table) noise =
            for cell in cells do
                let found = actual "gaussian" variant (fst cell) (snd cell)
                let plain = found |> List.filter (fun (name, _) -> name <> "augmentation" && name <> "smallest_anomaly")
                Expect.equal plain table $"{variant} on {snd cell} {fst cell}"

                match List.tryFind (fst >> (=) "augmentation") found with
                | Some(_, "null") -> Expect.isNone noise $"{variant} is augmented"
                | Some(_, json) -> rulesJson (Option.get noise) cell json
                | None -> failtest $"{variant} has no augmentation"

        let known = Collections.Generic.HashSet<string>()

        for name, (architecture, size, levels, batch) in networks do
            let features: Table = [
                "network", architecture
                "image_size", string size
                "layers", list levels
                "normality", "mahalanobis" // (2)
                "compression", "none"
                "variance", "1"
                "nu", "0.5" // public code
                "augmentation_epochs", "0"
            ]

            for model, changes in models do
                expect $"{name}-{model}" (changed changes features) None
                known.Add $"{name}-{model}" |> ignore

                if not (List.contains model [ "l2"; "sed"; "ocsvm" ]) then
                    // Section IV.B: 100 epochs of augmented images.
                    expect $"{name}-{model}-augmented" (changed (("augmentation_epochs", "100") :: changes) features) (Some true)
                    known.Add $"{name}-{model}-augmented" |> ignore

            expect
                $"{name}-supervised"
                [
                    "network", architecture
                    "layer", List.last levels
                    "image_size", string size
                    "batch_size", string batch // Section IV.C: 64, 16 for EfficientNet
                    "learning_rate", "0.0001" // Section IV.C
                    "epochs", "100" // ours
                    "patience", "3" // public code
                ]
                (Some true)

            known.Add $"{name}-supervised" |> ignore

        expect
            "ae-mse"
            [
                "latent", "32"
                "batch_size", "64"
                "learning_rate", "0.0001"
                "steps", "5000" // ours
                "validation", "0.2" // public code
                "patience", "3" // public code
            ]
            (Some false)

        known.Add "ae-mse" |> ignore
        let variants = (Registry.Find "gaussian").Variants |> Seq.map _.Name |> Seq.filter (known.Contains >> not) |> List.ofSeq
        Expect.isEmpty variants "variants that the table does not have")
