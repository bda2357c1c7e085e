/// Every setting of every variant of dfr beside its paper.
module Reproduction.Tests.DfrSettings

open Expecto
open Reproduction.Tests.SettingsTables

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
        let scales = [ "network", network; "layers", list [ "stem"; "layer1"; "layer2"; "layer3" ] ]
        network, scales @ [ "padding", "zeros" ]
        $"{network}-reflect", scales @ [ "padding", "reflect" ]
]

[<Tests>]
let tests =
    testList "paper settings" [
        pinned "dfr" (fun variant _ ->
            dfrVariants |> List.tryFind (fst >> (=) variant) |> Option.map (fun (_, changes) -> changed changes dfr))
    ]
