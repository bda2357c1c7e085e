/// Every setting of every variant's `paper` profile, written from the papers' texts: a change of the code's defaults fails here.
/// "ours" marks what a paper leaves open; the sheets say why it is as it is.
module Reproduction.Tests.PaperSettings

open System
open Expecto
open Reproduction.Analysis.Published
open Reproduction.Methods
open Reproduction.Papers

/// Setting and value, as JSON without the quotes of a text.
type private Table = (string * string) list

let private changed (changes: Table) (table: Table) : Table =
    let changes = Map.ofList changes

    for name in changes.Keys do
        if not (List.exists (fun (known, _) -> known = name) table) then failtest $"the table has no setting {name}"

    [ for name, value in table -> name, changes.TryFind name |> Option.defaultValue value ]

let private list (values: string list) = "[" + (values |> List.map (fun value -> $"\"{value}\"") |> String.concat ",") + "]"

let private actual (method: string) variant category dataset : Table = [
    for KeyValue(name, value) in (Registry.Find method).Configure(Request(variant, Profile.Paper, category, dataset)).ToJson() ->
        name,
        match value with
        | null -> "null"
        | value -> value.ToJsonString().Trim('"')
]

/// Every category of every data set that a rule may be about.
let private cells = [
    for category in textures @ objects do
        category, "mvtec"
    "0", "mnist"
    "3", "fashion-mnist"
    "cat", "cifar10"
    "magnetic-tile", "magnetic-tile"
    // A name of MVTec AD in another data set has none of its rules.
    "transistor", "surfaces"
]

/// Compares a method with its table: the expected settings of a variant for a category, or None where the table has no such variant.
let private pinned (method: string) (expected: string -> string * string -> Table option) =
    testCase method (fun () ->
        for variant in (Registry.Find method).Variants do
            for category, dataset in cells do
                match expected variant.Name (category, dataset) with
                | None -> failtest $"{method}: the table has no variant {variant.Name}"
                | Some table -> Expect.equal (actual method variant.Name category dataset) table $"{variant.Name} on {dataset} {category}")

// ---- hfae

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

// ---- dfr

let private scales = [ // Table I
    for block, count in [ 1, 2; 2, 2; 3, 4; 4, 4; 5, 4 ] do
        for number in 1..count -> $"relu{block}_{number}"
]

let private dfr: Table = [
    "network", "vgg19" // Section IV.A.3
    "layers", "" // f{first:last}
    "padding", "" // Section IV.C.2, Table V
    "image_size", "256" // Section IV.A.4: 256x256
    "resampling", "bilinear_antialias" // ours
    "feature_divisor", "1" // features as they are
    "alignment", "nearest" // Section III.B: "nearest interpolation"
    "filter_size", "4" // Section IV.A.3: mean filter 4x4
    "filter_stride", "4" // Section IV.A.3: stride 4
    "batch_norm", "false" // Table VIII has none
    "latent_share_of_hidden", "1" // Table VIII: (c_o + c_d) // 2
    "latent", "0" // by principal components
    "latent_variance", "0.9" // Appendix B: 90 %
    "latent_images", "0" // Appendix B: all training images
    "latent_samples", "5000" // ours
    "norm", "l2" // (4), (5)
    "upsample_align_corners", "false" // Section III.D: bilinear
    "positions_per_image", "0" // every region
    "batch_size", "4" // Section IV.A.4
    "epochs", "700" // Section IV.A.4
    "learning_rate", "0.0001" // Section IV.A.4: Adam, 1e-4
    "accepted_fpr", "[0,0.005]" // Figure 4
    "code_measures", "false"
    "threshold_images", "0" // Section III.D: all training images
]

/// What the public code does otherwise; see the sheet.
let private dfrCode: Table = [
    "resampling", "nearest"
    "feature_divisor", "0"
    "alignment", "bilinear_align_corners"
    "batch_norm", "true"
    "latent_share_of_hidden", "2"
    "latent_images", "10"
    "latent_samples", "0"
    "norm", "mean_square"
    "upsample_align_corners", "true"
    "code_measures", "true"
]

let private dfrVariants: (string * Table) list = [
    for first, last in [ 1, 2; 1, 4; 1, 8; 1, 12; 1, 16; 12, 12; 9, 12; 5, 12; 3, 12 ] do // Tables II to VI
        let subset = "layers", list scales[first - 1 .. last - 1]
        $"paper-f{first}-{last}-zero", [ subset; "padding", "zeros" ]
        $"paper-f{first}-{last}-reflect", [ subset; "padding", "reflect" ]
        $"code-f{first}-{last}", dfrCode @ [ subset; "padding", "reflect_ahead" ]
    let distilled: Table = [ "network", "vgg19_16x"; "layers", list scales[..11]; "padding", "reflect" ]
    "paper-f1-12-vgg19_16x", distilled
    "code-f1-12-vgg19_16x", dfrCode @ distilled

    for network in [ "resnet18"; "resnet18_cntk" ] do
        network, [ "network", network; "layers", list [ "stem"; "layer1"; "layer2"; "layer3" ]; "padding", "zeros" ]
]

// ---- favae

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

// ---- ssae

let private ssae: Table = [
    "objectives", "[1]"
    "lambda", "0.5" // Section 4.4
    "distortions", list [ "elastic" ] // Section 3.2
    "turned", "false" // Section 4.3
    "brightness", "true" // Section 3.2: "useful depending on the data"
    "image_size", "256" // Section 4.1: objects 256, 384 or 512; which, ours
    "kernel", "3" // Table 1: 3 or 5; which, ours
    "activated_dilations", "false" // Section 3.3 may be read either way
    "width", "1" // Table 1's channels
    "growing", "[0.25,0.5,1]" // Section 3.2: progressive; sizes ours
    "augment", "false" // Section 4.1: depending on the category
    "steps", "20000" // ours
    "batch_size", "8" // ours
    "learning_rate", "0.0001" // Section 4.1: Adam, initially 1e-4
    "final_learning_rate", "0.0001" // no schedule is named
    "validation", "0.05" // Section 4.1: 5 %
    "validate_every", "250" // ours
    "patience", "8" // ours
    "difference", "squared" // (2)
    "smoothings", "3" // ours
    "smoothing_size", "11" // ours
    "correction", "1000" // (14); t ours, in the inverse of the squared difference's unit
]

let private ssaeVariants: (string * Table) list = [
    "objective1", []
    "objective4", [ "objectives", "[4]" ]
    "ensemble", [ "objectives", "[1,4]" ]
    for objective in [ 1; 4 ] do
        $"objective{objective}-cutout", [ "objectives", $"[{objective}]"; "distortions", list [ "cut_out" ] ]
        $"objective{objective}-swap", [ "objectives", $"[{objective}]"; "distortions", list [ "swap" ] ]
]

/// Section 4.1 and 4.3, category by category.
let private ssaeRules (category, dataset) : Table =
    let isMvtec = dataset = "mvtec"
    let isTexture = isMvtec && List.contains category textures

    // Section 4.1: SSIM for these.
    let ssim =
        isMvtec
        && List.contains category [ "carpet"; "tile"; "bottle"; "cable"; "capsule"; "metal_nut"; "transistor"; "zipper" ]

    [
        if isTexture then "image_size", "512" // Section 4.1
        // Section 4.1 leaves the categories open: textures, and objects that lie in any pose.
        if isTexture || isMvtec && List.contains category [ "bottle"; "hazelnut"; "screw" ] || dataset = "magnetic-tile" then
            "augment", "true"
        if ssim then "difference", "ssim"
        // (14) is for objects; an average of 1 - SSIM has another unit.
        if isTexture || dataset = "magnetic-tile" then "correction", "0"
        elif ssim then "correction", "1"
        if isMvtec && List.contains category [ "cable"; "screw"; "transistor" ] then
            "distortions", list [ "elastic"; "occlusion" ] // Section 4.3
        if isMvtec && category = "transistor" then "turned", "true" // Section 4.3
    ]

let private expectedSsae variant cell =
    ssaeVariants
    |> List.tryFind (fst >> (=) variant)
    |> Option.map (fun (_, changes) -> changed changes (changed (ssaeRules cell) ssae))

// ---- gaussian

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

let private gaussian =
    testCase "gaussian" (fun () ->
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

[<Tests>]
let tests =
    testList "paper settings" [
        pinned "hfae" expectedHfae
        pinned "dfr" (fun variant _ ->
            dfrVariants |> List.tryFind (fst >> (=) variant) |> Option.map (fun (_, changes) -> changed changes dfr))
        pinned "favae" expectedFavae
        pinned "ssae" expectedSsae
        gaussian
    ]
