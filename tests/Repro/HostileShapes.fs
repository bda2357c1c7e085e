/// Arrays, pictures and settings of sizes that nobody had in mind: each command gives a result, or one clear error; none ends the process.
module Reproduction.Tests.HostileShapes

open System
open System.IO
open System.Text
open System.Text.RegularExpressions
open Expecto
open TorchSharp
open Reproduction.Backbones
open Reproduction.Formats
open Reproduction.Imaging
open Reproduction.Tests.HostileFiles
open Reproduction.Tests.ManyCommands
open Reproduction.Tests.ReproProcess

/// The cheapest variant of each method, with what makes it quick.
let private cheap = [
    "gaussian", "resnet18-mahalanobis", "+image_size=32"
    "hfae", "resnet18", ""
    "dfr", "resnet18", "+image_size=64"
    "favae", "vanilla", "+width=0.0625+images_per_epoch=8+batch_size=4"
    "ssae", "objective1", "+width=0.0625+steps=2+batch_size=2"
]

let private runIn data paper variant = [
    "run"
    "--paper"
    paper
    "--variant"
    variant
    "--data"
    at data
    "--weights"
    at "weights"
    "--profile"
    "smoke"
    "--shard"
    "1/1"
    "--force"
    "--out"
    at "run"
]

/// Of a paper with folds the first one only.
let private first (command: string list) =
    if List.contains "gaussian" command then
        List.map (fun word -> if word = "1/1" then "1/5" else word) command
    else
        command

let private features backbone input = [
    "features"
    "--backbone"
    backbone
    "--weights"
    at $"weights/{backbone}.safetensors"
    "--input"
    at input
    "--out"
    at $"{backbone}-{input}.safetensors"
]

let private metrics maps masks more = [ "metrics"; "--maps"; at maps; "--masks"; at masks ] @ more

let private fit paper variant train = [
    "fit"
    "--method"
    paper
    "--variant"
    variant
    "--train"
    at train
    "--weights"
    at "weights"
    "--profile"
    "smoke"
    "--out"
    at $"{paper}.model"
]

/// What a command gives: a result or an error, with these words.
type private Wanted =
    | Result of string list
    | Refused of string list

let private settings: (string * string * string * string list) list =
    let every = [
        for paper, variant, _ in cheap do
            for size in [ "0"; "-3" ] do
                paper, variant, $"+image_size={size}", [ $"{paper}: image_size is {size}; it must be" ]

            paper, variant, "+image_size=1000000", [ "1000000" ]
            paper, variant, "+image_size=1e9", [ "image_size" ]
            paper, variant, "+image_size=null", [ "does not fit its setting" ]
            if paper <> "ssae" then paper, variant, "+layers=null", [ "does not fit its setting" ]

            if paper <> "ssae" && paper <> "favae" then
                paper, variant, "+layers=[]", [ $"{paper}: layers is empty; it must be" ]
                paper, variant, "+layers=[\"\"]", [ "layers is empty" ]
                paper, variant, "+layers=[\"conv9_9\"]", [ "conv9_9" ]

            if paper <> "gaussian" then
                paper, variant, "+batch_size=0", [ "batch_size is 0; it must be a whole number from 1" ]
                paper, variant, "+batch_size=2000000000", [ "batch_size" ]
                paper, variant, "+learning_rate=-1", [ "learning_rate is -1" ]
                paper, variant, "+learning_rate=NaN", [ "learning_rate is NaN" ]
                paper, variant, "+learning_rate=1e999", [ "learning_rate" ]
    ]

    every
    @ [
        for paper in [ "hfae"; "dfr"; "favae" ] do
            let variant = if paper = "favae" then "vanilla" else "resnet18"
            paper, variant, "+epochs=0", [ $"{paper}: epochs is 0; it must be a whole number, 1 or more" ]
            paper, variant, "+epochs=-7", [ "epochs is -7" ]
        "ssae", "objective1", "+image_size=7", [ "divisible by 8" ]
        "ssae", "objective1", "+image_size=1", [ "divisible by 8" ]
        "ssae", "objective1", "+steps=0", [ "steps is 0" ]
        "ssae", "objective1", "+objectives=[]", [ "objectives is empty" ]
        "ssae", "objective1", "+objectives=[2]", [ "objectives is 2" ]
        "ssae", "objective1", "+growing=[]", [ "growing is empty" ]
        "ssae", "objective1", "+growing=[2]", [ "growing is 2" ]
        "ssae", "objective1", "+kernel=4", [ "kernel is 4" ]
        "ssae", "objective1", "+width=0", [ "width is 0" ]
        "ssae", "objective1", "+smoothing_size=4", [ "smoothing_size is 4"; "odd" ]
        "ssae", "objective4", "+validate_every=0", [ "validate_every is 0" ]
        "ssae", "objective1", "+image_size=8+batch_size=1", [ "batch_size or image_size" ]
        "favae", "vanilla", "+image_size=64", [ "image_size is 64; it must be a whole number, 128 or more" ]
        "favae", "vanilla", "+tile_stride=0", [ "tile_stride is 0" ]
        "favae", "vanilla", "+tile_stride=129", [ "tile_stride is 129" ]
        "favae", "vanilla", "+latent=0", [ "latent is 0; it must be" ]
        "favae", "vanilla", "+width=1e9", [ "width is 1000000000" ]
        "favae", "vanilla", "+images_per_epoch=3", [ "batch_size is 16; it must be at most the images of all epochs, 3" ]
        "favae", "vanilla", "+layers=[\"3\"]+decoder_layers=[22]", [ "layers is 3; it must be empty" ]
        "favae", "vgg16+network=vgg19_16x", "+layers=[]", [ "layers is empty" ]
        "favae", "vgg16+network=vgg19_16x", "+decoder_layers=[22]", [ "decoder_layers is 22; it must be as many as layers, 3" ]
        "favae", "vgg16+network=vgg19_16x", "+decoder_layers=[11]", [ "decoder_layers is 11; it must be of 1, 4, 7" ]
        "favae", "encoder", "+layers=[\"x\"]", [ "layers is x; it must be of 0, 3, 6" ]
        "hfae", "resnet18", "+levels=[]", [ "levels is empty" ]
        "hfae", "resnet18", "+levels=[9]", [ "levels is 9; it must be distinct numbers of 1..3" ]
        "hfae", "resnet18", "+kernel_sizes=[2]", [ "kernel_sizes is 2" ]
        "hfae", "resnet18", "+sigma=1e9", [ "sigma" ]
        "hfae", "resnet18", "+image_size=1", [ "at image size 1"; "multiple of 32" ]
        "hfae", "resnet18", "+image_size=7", [ "at image size 7"; "multiple of 32" ]
        "dfr", "resnet18", "+latent=-1", [ "latent is -1" ]
        "dfr", "resnet18", "+latent_variance=0", [ "latent_variance is 0" ]
        "dfr", "resnet18", "+image_size=1", [ "not below filter_size, 4" ]
        "dfr", "paper-f1-12-vgg19_16x", "+image_size=7", [ "7 x 7 pixels"; "take larger ones" ]
        "dfr", "resnet18", "+filter_stride=0", [ "filter_stride is 0" ]
        "dfr", "resnet18", "+accepted_fpr=[2]", [ "accepted_fpr is 2" ]
        "gaussian", "resnet18-mahalanobis", "+variance=0", [ "variance is 0" ]
        "gaussian", "resnet18-ocsvm", "+nu=0", [ "nu is 0" ]
        "gaussian", "resnet18-mahalanobis", "+augmentation_epochs=2", [ "augmentation_epochs is 2; it must be 0" ]
        "gaussian", "resnet18-mahalanobis", "+network=vgg19_16x+layers=[\"relu5_1\"]+image_size=1", [ "1 x 1 pixels"; "take larger ones" ]
        "gaussian", "resnet18-mahalanobis", "+network=vgg19_16x+layers=[\"relu5_1\"]+image_size=7", [ "7 x 7 pixels"; "take larger ones" ]
        "gaussian", "ae-mse", "+latent=0", [ "latent is 0" ]
        "gaussian", "ae-mse", "+steps=0", [ "steps is 0" ]
        "gaussian", "ae-mse", "+batch_size=0", [ "batch_size is 0" ]
        "gaussian", "resnet18-supervised", "+epochs=0", [ "epochs is 0" ]
        "gaussian", "resnet18-supervised", "+batch_size=0", [ "batch_size is 0" ]
    ]

/// What is tried, the command, what it gives.
let private table: (string * (unit -> string list) * Wanted) list = [
    for backbone in [ "vgg19_16x"; "resnet18" ] do
        for input, wanted in
            [
                "x.npy", Result []
                "double.npy", Result []
                "big.npy", Result []
                "fortran.npy", Result []
                "bytes.npy", Result []
                "3x3.npy",
                (if backbone = "resnet18" then
                     Result []
                 else
                     Refused [ "vgg19_16x cannot take images of 3 x 3 pixels"; "take larger ones" ])
                "1x1.npy", (if backbone = "resnet18" then Result [] else Refused [ "1 x 1 pixels" ])
                "1x600.npy", (if backbone = "resnet18" then Result [] else Refused [ "600 x 1 pixels" ])
                "7x5.npy", (if backbone = "resnet18" then Result [] else Refused [ "5 x 7 pixels" ])
                "none.npy", Refused [ "none.npy: has the shape [0,3,8,8]" ]
                "no-rows.npy", Refused [ "[1,3,0,8]" ]
                "grey.npy", Refused [ "[1,1,8,8]"; "[N,3,H,W]" ]
                "rank3.npy", Refused [ "[3,8,8]" ]
                "rank5.npy", Refused [ "[1,3,8,8,1]" ]
                "rank0.npy", Refused [ "[]" ]
                "nan.npy", Refused [ "nan.npy: value number 3 is NaN"; "finite" ]
                "infinite.npy", Refused [ "must be finite" ]
                "claims.npy", Refused [ "claims.npy"; "[1, 3, 18919, 18919]" ]
                "claims-more.npy", Refused [ "claims-more.npy" ]
                "negative.npy", Refused [ "negative.npy"; "shape" ]
            ] do
            $"features of {backbone} of {input}", (fun () -> features backbone input), wanted

    "features of values beyond those of pictures",
    (fun () -> features "resnet18" "huge.npy"),
    Refused [ "huge.npy: its features at"; "are not finite" ]
    "metrics without a region", (fun () -> metrics "m.npy" "no-regions.npy" []), Result [ "\"aupro\": null"; "\"pixel_auroc\": null" ]
    "metrics of nothing but anomalies", (fun () -> metrics "m.npy" "all-regions.npy" []), Result [ "\"pixel_auroc\": null" ]
    "metrics of maps of one pixel", (fun () -> metrics "m1.npy" "m1-masks.npy" []), Result [ "\"regions\"" ]
    "metrics of no maps", (fun () -> metrics "m-empty.npy" "m-empty-masks.npy" []), Result [ "\"image_auroc\": null" ]
    "metrics of maps without rows", (fun () -> metrics "m-flat.npy" "m-flat-masks.npy" []), Result [ "\"image_auroc\": null" ]
    "metrics of maps of four dimensions", (fun () -> metrics "m4.npy" "m4-masks.npy" []), Refused [ "[2,1,8,8]"; "[N,H,W]" ]
    "metrics of maps with NaN", (fun () -> metrics "m-nan.npy" "m-masks.npy" []), Result [ "\"pixel_auroc\": null"; "NaN" ]
    "metrics of fewer masks", (fun () -> metrics "m.npy" "m1-masks.npy" []), Refused [ "[2,1,1]"; "[2,8,8]" ]

    for paper, variant, more in cheap do
        $"{paper} on pictures of all sizes", (fun () -> first (runIn "data" paper (variant + more))), Result [ "records:" ]

        for count in 1..3 do
            $"{paper} run on {count} training pictures",
            (fun () -> first (runIn $"few/of{count}" paper (variant + more))),
            (match paper, count with
             | "gaussian", _ -> Refused [ "cannot be split into 5 folds" ]
             | "ssae", 1 -> Refused [ "needs at least 2; there is 1" ]
             | _ -> Result [ "records:" ])

            $"{paper} fitted to {count} pictures, with others for the threshold",
            (fun () -> fit paper (variant + more) $"few/of{count}/train/good" @ [ "--good"; at "held" ]),
            (if count = 1 && (paper = "gaussian" || paper = "ssae") then
                 Refused [ "at least 2"; "there is 1" ]
             else
                 Result [ "model:" ])

        $"{paper} fitted to pictures of all sizes", (fun () -> fit paper (variant + more) "lines"), Result [ "model:" ]

        $"{paper} scores pictures of all sizes",
        (fun () -> [ "score"; "--model"; at $"{paper}.model"; at "lines"; "--weights"; at "weights"; "--out"; at $"scored-{paper}" ]),
        Result []

    "ssae on one training picture, none of which it needs to hold out",
    (fun () -> runIn "few/of1" "ssae" "objective1+width=0.0625+steps=2+batch_size=2+correction=0"),
    Result [ "records:" ]
    "ssae with early stopping on one training picture",
    (fun () -> runIn "few/of1" "ssae" "objective4+width=0.0625+steps=2+batch_size=2+correction=0"),
    Refused [ "needs at least 2" ]
    "dfr with fewer positions than are asked for",
    (fun () -> runIn "few/of3" "dfr" "resnet18+image_size=32+positions_per_image=5000"),
    Result [ "records:" ]

    for paper, variant, setting, words in settings do
        $"{paper} {variant}{setting}",
        (fun () ->
            first (runIn "few/of3" paper (variant + setting))
            |> List.map (fun word -> if word = at "few/of3" && paper = "gaussian" then at "data" else word)),
        Refused words
]

/// The answers of the process that ran the table, in its order.
let private answers =
    lazy
        (prepare.Force()
         AppDomain.CurrentDomain.ProcessExit.Add(fun _ -> Directory.Delete(root.Value, true))
         let environment = [ "REPRO_CACHE", at "cache"; "OMP_WAIT_POLICY", "PASSIVE" ]
         ManyCommands.run root.Value environment [ for _, command, _ in table -> command () ] |> Array.ofList)

let private plain (answer: Answer) =
    for words in [ "   at "; "libtorch:"; "--debug shows where"; "terminate called"; "the process ended" ] do
        Expect.isFalse (answer.Told.Contains words) $"'{words}' in: {answer.Told}"

let private isWanted (answer: Answer) wanted =
    plain answer

    match wanted with
    | Result words ->
        Expect.equal answer.Code 0 $"exit code of: {answer.Told}"

        for word in words do
            Expect.stringContains answer.Told word "what it prints"
    | Refused words ->
        Expect.isTrue (answer.Code = 1 || answer.Code = 2) $"exit code {answer.Code} of: {answer.Told}"
        let error = Regex.Split(answer.Told.Trim(), "\n") |> Array.last

        for word in words do
            Expect.stringContains error word $"the error of: {answer.Told}"

/// Sources of the library and the command.
let private sources =
    Directory.EnumerateFiles(Path.Combine(__SOURCE_DIRECTORY__, "..", "..", "Core.CSharp"), "*.cs", SearchOption.AllDirectories)
    |> Seq.filter (fun path -> not (Regex.IsMatch(path, @"[/\\](bin|obj|msbuild)[/\\]")))

[<Tests>]
let tests =
    testSequenced
    <| testList "hostile shapes" [
        for i, (name, _, wanted) in List.indexed table do
            testCase name <| fun () -> isWanted answers.Value[i] wanted

        testCase "scores of pictures of all sizes are numbers, and each has its heat map"
        <| fun () ->
            answers.Force() |> ignore

            for paper, _, _ in cheap do
                let rows = File.ReadAllLines(at $"scored-{paper}/scores.csv")[1..]
                Expect.equal rows.Length sizes.Length paper

                for row in rows do
                    let score = (row.Split ',')[1]
                    Expect.isTrue (Double.IsFinite(Double.Parse(score, Globalization.CultureInfo.InvariantCulture))) $"{paper}: {row}"

                if paper <> "gaussian" then
                    Expect.equal (Directory.GetFiles(at $"scored-{paper}", "*.jpg").Length) sizes.Length $"{paper}: heat maps"

        testCase "features of an array are the same in every type and order of its elements"
        <| fun () ->
            answers.Force() |> ignore
            use _scope = torch.NewDisposeScope()

            let read name =
                let struct (tensors, _) = SafeTensors.Read(at $"resnet18-{name}.safetensors")
                tensors["layer4"].data<float32>().ToArray()

            for name in [ "double.npy"; "big.npy"; "fortran.npy" ] do
                Expect.equal (read name) (read "x.npy") name

        testCase "products are matmul's to the bit"
        <| fun () ->
            use _scope = torch.NewDisposeScope()

            for left, right in [ [ 5L; 7L ], [ 7L; 3L ]; [ 5L; 7L ], [ 7L ]; [ 5L; 7L ], [ 4L; 7L; 3L ] ] do
                let a, b = torch.rand (List.toArray left), torch.rand (List.toArray right)
                let found, expected = Reproduction.MatrixProduct.Times(a, b), a.matmul b
                Expect.equal (List.ofArray found.shape) (List.ofArray expected.shape) "shape"
                Expect.equal (found.data<float32>().ToArray()) (expected.data<float32>().ToArray()) $"{left} x {right}"

        testCase "a product of shapes that do not fit throws"
        <| fun () ->
            use _scope = torch.NewDisposeScope()

            for left, right in [ [ 2L; 3L ], [ 2L; 3L ]; [ 2L; 3L ], [ 2L ]; [ 2L; 3L ], [ 4L; 2L; 3L ]; [ 3L ], [ 3L; 2L ] ] do
                let product () = Reproduction.MatrixProduct.Times(torch.rand (List.toArray left), torch.rand (List.toArray right)) |> ignore
                Expect.throws product $"{left} x {right}"

        testCase "no source calls what ends the process or spreads a wrong shape"
        <| fun () ->
            Expect.equal
                [
                    for path in sources do
                        for found in Regex.Matches(File.ReadAllText path, @"[\w)\]]\.(matmul|cummax|cummin|load_state_dict)\(") do
                            $"{Path.GetFileName path}: {found.Value}"
                ]
                []
                "matmul, cummax and cummin catch nothing (MatrixProduct); load_state_dict broadcasts (DetectorState.LoadInto)"
    ]
