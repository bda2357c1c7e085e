/// Every setting of every variant of favae beside its paper.
module Reproduction.Tests.FavaeSettings

open Expecto
open Reproduction.Analysis.Published
open Reproduction.Tests.SettingsTables

let private favae: Table = [
    "extractor", "trained"
    "network", "vgg16" // Section 5.2
    "layers", list [ "conv2_2"; "conv3_3"; "conv4_3" ] // Section 5.2: inputs of the 2nd, 3rd and 4th max pooling, before activation
    "decoder_layers", "[22,16,10]" // Table 2, its misprint mended
    "latent", "100" // Appendix D
    "width", "1" // Appendix D's channels
    "unbounded_pixels", "false" // Appendix D, layer 27: sigmoid
    "image_size", "128" // Section 5.1: objects at 128x128
    "tile_stride", "128" // ours
    "rotation", "10" // ours
    "translation", "0.05" // ours
    "images_per_epoch", "10000" // Section 5.1
    "epochs", "100" // Section 5.1
    "batch_size", "16" // ours
    "learning_rate", "0.0001" // ours
    "log_variance_learning_rate", "0.001" // ours
    "final_learning_rate_share", "1" // no schedule
    "norms_fixed_after", "1" // never
    "log_variance_bound", "12" // ours
]

let private noFeatures: Table = [ "network", ""; "layers", "[]"; "decoder_layers", "[]" ]
let private ownEncoder: Table = [ "network", ""; "layers", list [ "3"; "9"; "15" ] ] // Table 2
let private resnet: Table = [ "network", "resnet18"; "layers", list [ "layer1"; "layer2"; "layer3" ] ] // Appendix E: conv2x to conv4x
let private yolo: Table = [ "network", "yolov3"; "layers", list [ "104" ]; "decoder_layers", "[10]" ] // Appendix E

let private favaeVariants: (string * Table) list = [
    "vgg16", []
    "resnet18", resnet
    "resnet18_cntk", resnet |> List.map (fun (name, value) -> name, (if name = "network" then "resnet18_cntk" else value))
    "yolov3", yolo
    "yolov3-layer20", [ "network", "yolov3"; "layers", list [ "20" ]; "decoder_layers", "[10]" ]
    "vanilla", ("extractor", "none") :: noFeatures // M4
    "random", [ "extractor", "random" ] // M2
    "encoder-stop", ("extractor", "encoder_stopped") :: ownEncoder // M3
    "unfrozen", [ "extractor", "unfrozen" ] // M5
    "encoder", ("extractor", "encoder") :: ownEncoder // M6
    "random-resnet18", ("extractor", "random") :: resnet
    "unfrozen-resnet18", ("extractor", "unfrozen") :: resnet
    "vgg19", [ "network", "vgg19"; "layers", list [ "conv2_2"; "conv3_4" ]; "decoder_layers", "[22,16]" ]
]

let private expectedFavae variant (category, dataset) =
    favaeVariants
    |> List.tryFind (fst >> (=) variant)
    |> Option.map (fun (_, changes) ->
        let table = changed changes favae
        // Section 5.1: textures at 512x512, in crops, neither rotated nor shifted.
        if dataset = "mvtec" && List.contains category textures then
            changed [ "image_size", "512"; "rotation", "0"; "translation", "0" ] table
        else
            table)

[<Tests>]
let tests = testList "paper settings" [ pinned "favae" expectedFavae ]
