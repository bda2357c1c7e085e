/// What a run takes that does not ask for more: the variants without `--variant`, the folds of the papers' protocols, and what the profiles
/// `quick` and `smoke` change of `paper`, written from the sheets (papers/*/README.md).
module Reproduction.Tests.Profiles

open Expecto
open Reproduction.Methods
open Reproduction.Papers
open Reproduction.Papers.Gaussian

let private settings (method: string) variant (profile: Profile) category dataset =
    Map [
        for KeyValue(name, value) in (Registry.Find method).Configure(Request(variant, profile, category, dataset)).ToJson() ->
            name,
            match value with
            | null -> "null"
            | value -> value.ToJsonString().Trim('"')
    ]

/// The settings that a profile has otherwise than the paper's, with their values.
let private changes method variant profile category dataset =
    let paper = settings method variant Profile.Paper category dataset
    let found = settings method variant profile category dataset
    Expect.equal (Map.keys found |> List.ofSeq) (Map.keys paper |> List.ofSeq) "the same settings"
    Map.filter (fun name value -> value <> paper[name]) found |> Map.toList

let private quick method variant category dataset (expected: (string * string) list) =
    Expect.equal (changes method variant Profile.Quick category dataset) (List.sort expected) $"{method} {variant} on {dataset} {category}"

let private smoke method variant (expected: (string * string) list) =
    Expect.equal (changes method variant Profile.Smoke "bottle" "mvtec") (List.sort expected) $"{method} {variant}"

[<Tests>]
let tests =
    testList "profiles" [
        testCase "dfr: quick trains on 400 positions an image, with thresholds and latent size from 40 images"
        <| fun () ->
            let expected epochs = [
                "epochs", epochs
                "positions_per_image", "400"
                "batch_size", "1"
                "learning_rate", "0.001"
                "threshold_images", "40"
                "latent_images", "40"
            ]

            quick "dfr" "paper-f1-8-zero" "bottle" "mvtec" (expected "20")
            quick "dfr" "code-f1-8" "bottle" "mvtec" (expected "20")
            // The wide ones: f{5:12}, f{3:12} and f{1:12}, then f{1:16}.
            for variant in [ "paper-f5-12-zero"; "paper-f3-12-zero"; "paper-f1-12-zero" ] do
                quick "dfr" variant "bottle" "mvtec" (expected "5")

            quick "dfr" "paper-f1-16-zero" "bottle" "mvtec" (expected "2")

        testCase "hfae: quick is the whole method on MVTec AD, 1,000 images of a digit, 8 epochs on a user's photographs"
        <| fun () ->
            quick "hfae" "resnet18" "bottle" "mvtec" []
            quick "hfae" "resnet18" "0" "mnist" [ "training_images", "1000" ]
            quick "hfae" "resnet18" "photographs" "photographs" [ "epochs", "8" ]

        testCase "favae: quick has a quarter of the channels and one epoch of 4,000 images, 1,600 where a step takes long"
        <| fun () ->
            let expected images = [
                "width", "0.25"
                "images_per_epoch", images
                "epochs", "1"
                "batch_size", "8"
                "learning_rate", "0.001"
                "log_variance_learning_rate", "0.01"
            ]

            for variant in [ "resnet18"; "vanilla"; "encoder"; "resnet18_cntk" ] do
                quick "favae" variant "bottle" "mvtec" (expected "4000")

            for variant in [ "vgg16"; "random"; "vgg19"; "yolov3" ] do
                quick "favae" variant "bottle" "mvtec" (expected "1600")

            quick "favae" "resnet18" "weave" "surfaces" (expected "1600")

        testCase "ssae: quick has a quarter of the channels, 64 pixels and 8,000 steps of 4 whole images in one pose"
        <| fun () ->
            let expected steps = [
                "image_size", "64"
                "width", "0.25"
                "growing", "[1]"
                "steps", steps
                "batch_size", "4"
                "learning_rate", "0.001"
                "final_learning_rate", "1E-05"
                "smoothing_size", "3"
            ]

            quick "ssae" "objective1" "pill" "mvtec" (expected "8000")
            quick "ssae" "objective1" "gear" "surfaces" (expected "1800")
            // Of any pose in the paper's profile.
            quick "ssae" "objective1" "bottle" "mvtec" (("augment", "false") :: expected "8000")

        testCase "gaussian: quick takes 10 epochs of augmented images, 5 epochs of the classifier, 20 steps of the autoencoder"
        <| fun () ->
            quick "gaussian" "resnet18-mahalanobis" "bottle" "mvtec" []
            quick "gaussian" "resnet18-mahalanobis-augmented" "bottle" "mvtec" [ "augmentation_epochs", "10" ]
            quick "gaussian" "resnet18-supervised" "bottle" "mvtec" [ "batch_size", "16"; "epochs", "5" ]
            quick "gaussian" "ae-mse" "bottle" "mvtec" [ "steps", "20" ]

        testCase "gaussian: smoke is a step or two"
        <| fun () ->
            smoke "gaussian" "resnet18-mahalanobis-augmented" [ "augmentation_epochs", "2" ]
            smoke "gaussian" "resnet18-supervised" [ "batch_size", "8"; "epochs", "1" ]
            smoke "gaussian" "ae-mse" [ "batch_size", "4"; "steps", "2" ]

        testCase "dfr, hfae: smoke is an epoch or two of few images"
        <| fun () ->
            smoke "hfae" "resnet18" [ "image_size", "64"; "epochs", "1"; "training_images", "64" ]

            smoke "dfr" "paper-f1-8-zero" [
                "epochs", "2"
                "positions_per_image", "64"
                "batch_size", "1"
                "learning_rate", "0.001"
                "threshold_images", "4"
                "latent_images", "4"
                "latent_samples", "256"
            ]

        testCase "favae, ssae: smoke has a sixteenth of the channels and a few steps"
        <| fun () ->
            smoke "favae" "vgg16" [
                "width", "0.0625"
                "images_per_epoch", "64"
                "epochs", "1"
                "learning_rate", "0.001"
                "log_variance_learning_rate", "0.01"
            ]

            smoke "ssae" "objective1" [
                "image_size", "64"
                "width", "0.0625"
                "growing", "[0.5,1]"
                "steps", "6"
                "batch_size", "4"
                "learning_rate", "0.001"
                "final_learning_rate", "0.001"
                "validate_every", "3"
                "smoothing_size", "5"
            ]

        for method, expected in
            [
                "dfr", [ "paper-f1-8-zero"; "paper-f1-12-zero"; "paper-f1-16-zero"; "resnet18_cntk-reflect" ]
                "hfae", [ "resnet18"; "wide_resnet50_2"; "resnet18_cntk" ]
                "favae", [ "vgg16"; "resnet18"; "resnet18_cntk"; "yolov3"; "vanilla" ]
                "ssae", [ "objective1" ]
            ] do
            testCase $"{method}: a run without a variant takes those of the paper's tables, and the packaged network's"
            <| fun () ->
                let found = [
                    for variant in (Registry.Find method).Variants do
                        if variant.Default then variant.Name
                ]

                Expect.equal found expected method

        testCase "gaussian: a run without a variant takes the nine models of all networks, neither augmented nor trained"
        <| fun () ->
            let found = [
                for variant in (Registry.Find "gaussian").Variants do
                    if variant.Default then variant.Name.Split('-', 2)
            ]

            let models = [ "mahalanobis"; "l2"; "sed"; "pca99"; "pca95"; "npca1"; "npca0.1"; "npca0.01"; "ocsvm" ]

            let networks =
                [ for i in 0..7 -> $"efficientnet_b{i}" ] @ [ "resnet18"; "resnet34"; "resnet50"; "resnet18_cntk"; "efficientnetv2_b0" ]

            Expect.equal (List.sort [ for parts in found -> parts[0], parts[1] ]) (List.sort (List.allPairs networks models)) "variants"

        testCase "dfr: a variant asks for the weights up to its deepest scale"
        <| fun () ->
            let network name = (Seq.find (fun (variant: Variant) -> variant.Name = name) (Registry.Find "dfr").Variants).Network
            // Table I: the 2nd, 4th, 8th, 12th and 16th scale.
            for last, layer in [ 2, "relu1_2"; 4, "relu2_2"; 8, "relu3_4"; 12, "relu4_4"; 16, "relu5_4" ] do
                for variant in [ $"paper-f1-{last}-zero"; $"paper-f1-{last}-reflect"; $"code-f1-{last}" ] do
                    Expect.equal (network variant) ("vgg19/" + layer) variant

        testCase "gaussian: settings that name a network, a size and layers alone are the Mahalanobis distance over all components"
        <| fun () ->
            let settings = GaussianSettings(Network = "resnet18", ImageSize = 224, Layers = [| "layer1" |])
            settings.Check()

            Expect.equal
                (settings.Normality, settings.Compression, settings.Variance)
                (Normality.Mahalanobis, Compression.None, 1.0)
                "distance"

            Expect.equal (settings.Nu, settings.AugmentationEpochs) (0.5, 0) "the public code's nu; images as they are"

        testCase "gaussian: the normal images are fitted in 5 folds, the others' papers repeat over seeds"
        <| fun () ->
            let folds = [ for method in [ "gaussian"; "hfae"; "dfr"; "favae"; "ssae" ] -> (Registry.Find method).Folds ]
            Expect.equal folds [ 5; 0; 0; 0; 0 ] "folds"
    ]
