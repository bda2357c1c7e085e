/// What users get wrong: each row is a command with the exit code and the words that must appear. No row may show a stack trace.
module Reproduction.Tests.BadInput

open System
open System.IO
open System.Text
open Expecto
open TorchSharp
open Reproduction
open Reproduction.Analysis
open Repro
open Repro.Records
open Reproduction.Backbones
open Reproduction.Formats
open Reproduction.Imaging
open Reproduction.Tests.Bench
open Reproduction.Tests.ReproProcess
open Reproduction.Tests.BadFiles

let private withVariable (name: string) (value: string) work =
    let before = Environment.GetEnvironmentVariable name
    Environment.SetEnvironmentVariable(name, value)

    try
        work ()
    finally
        Environment.SetEnvironmentVariable(name, before)

let private expect code (words: string list) (found: int, told: string) =
    Expect.equal found code told

    for word in words do
        Expect.stringContains told word "the message"

    Expect.isFalse (told.Contains "\n   at ") $"a stack trace: {told}"

/// What is wrong, the command, the exit code, the words.
let private table: (string * (unit -> string list) * int * string list) list = [ // Arguments
    "no verb", (fun () -> []), 2, [ "Required command"; "--help" ]
    "an unknown verb", (fun () -> [ "frobnicate" ]), 2, [ "frobnicate"; "--help" ]
    "an unknown option", (fun () -> run "hfae" [ "--colour"; "red" ]), 2, [ "--colour"; "repro run --help" ]
    "no paper", (fun () -> [ "run"; "--data"; "d"; "--out"; "o" ]), 2, [ "--paper"; "required" ]
    "an unknown paper", (fun () -> run "kriging" []), 2, [ "no paper is called 'kriging'"; "gaussian, hfae" ]
    "an unknown variant", (fun () -> run "hfae" [ "--variant"; "resnet99" ]), 2, [ "hfae has no variant 'resnet99'"; "resnet18" ]
    "an unknown setting", (fun () -> run "hfae" [ "--variant"; "resnet18_cntk+epoch=3" ]), 2, [ "no setting 'epoch'"; "epochs" ]
    "a setting without a value",
    (fun () -> run "hfae" [ "--variant"; "resnet18_cntk+epochs" ]),
    2,
    [ "'epochs' is not of the form setting=value" ]
    "a setting of another type", (fun () -> run "hfae" [ "--variant"; "resnet18_cntk+epochs=many" ]), 2, [ "epochs=many"; "does not fit" ]
    "an unknown profile", (fun () -> run "hfae" [ "--profile"; "fast" ]), 2, [ "--profile 'fast'"; "paper, quick and smoke" ]
    "an unknown device", (fun () -> run "hfae" [ "--device"; "tpu" ]), 2, [ "--device 'tpu'"; "cpu and cuda" ]
    "an option given twice", (fun () -> run "hfae" [ "--out"; files.Value["second"] ]), 2, [ "--out" ]
    "a seed that is no number", (fun () -> run "hfae" [ "--seed"; "one" ]), 2, [ "--seed 'one' is not a number from 0" ]
    "a negative seed", (fun () -> run "hfae" [ "--seed"; "-1" ]), 2, [ "--seed"; "-1" ]
    "a shard beyond the last", (fun () -> run "hfae" [ "--shard"; "3/2" ]), 2, [ "--shard '3/2' is not I/N" ]
    "a shard in words", (fun () -> run "hfae" [ "--shard"; "half" ]), 2, [ "--shard 'half' is not I/N" ]
    "an unknown cell",
    (fun () -> run "hfae" [ "--variant"; "resnet18_cntk"; "--cell"; "hfae.x" ]),
    2,
    [ "--cell 'hfae.x' is none of the 1 cells"; "--list" ]
    "an unknown category", (fun () -> run "hfae" [ "--category"; "bottle" ]), 2, [ "no category 'bottle'"; "woven" ]
    "a gallery in words", (fun () -> run "hfae" [ "--gallery"; "some" ]), 2, [ "some"; "--gallery" ]
    "a negative gallery", (fun () -> run "hfae" [ "--gallery"; "-1" ]), 2, [ "--gallery" ]
    "a rate above one", (fun () -> fit [ "--fpr"; "2" ]), 2, [ "--fpr 2"; "from 0 to below 1" ]
    "defects without good images", (fun () -> fit [ "--defective"; files.Value["images"] ]), 2, [ "--defective needs --good" ]
    "one part of a cross-validation", (fun () -> fit [ "--folds"; "1" ]), 2, [ "--folds 1"; "at least 2" ]
    "more parts than images", (fun () -> fit [ "--folds"; "100" ]), 2, [ "6 images cannot be split into 100 folds" ]
    "nothing to score", (fun () -> [ "score"; "--model"; "m"; "--out"; "o" ]), 2, [ "Required argument"; "score" ]
    "neither image nor array",
    (fun () -> [ "features"; "--backbone"; "vgg19"; "--weights"; "w"; "--out"; "o" ]),
    2,
    [ "one of --image FILE and --input X.npy" ]
    "an image of no size",
    (fun () -> features "vgg19_16x" "weights/vgg19_16x.safetensors" [ "--size"; "0" ]),
    2,
    [ "--size 0"; "at least 1" ]
    "a size in words", (fun () -> features "vgg19_16x" "weights/vgg19_16x.safetensors" [ "--size"; "wide" ]), 2, [ "wide"; "--size" ]
    "a rate limit of zero", (fun () -> metrics "maps.npy" "masks.npy" [ "--fpr-limit"; "0" ]), 2, [ "--fpr-limit 0"; "(0, 1]" ]
    "Surfaces without training images",
    (fun () -> [ "data"; "surfaces"; "--out"; files.Value["s"]; "--train"; "0" ]),
    2,
    [ "--train 0"; "at least 1" ]
    "a training of no steps", (fun () -> [ "toy"; "--out"; files.Value["p"]; "--steps"; "0" ]), 2, [ "--steps 0"; "at least 1" ]
    "a share above one", (fun () -> [ "toy"; "--out"; files.Value["p"]; "--final-rate"; "1.5" ]), 2, [ "--final-rate 1.5"; "at most 1" ]
    "a share in words", (fun () -> [ "toy"; "--out"; files.Value["p"]; "--norms-fixed-after"; "few" ]), 2, [ "few"; "--norms-fixed-after" ]
    "steps in words", (fun () -> [ "toy"; "--out"; files.Value["p"]; "--steps"; "few" ]), 2, [ "few"; "--steps" ]
    "a port in words", (fun () -> [ "serve"; "--model"; "m"; "--port"; "many" ]), 2, [ "many"; "--port" ]
    "a sample of no cells", (fun () -> verify "finished" [ "--sample"; "0" ]), 2, [ "--sample"; "at least 1" ]
    "a negative tolerance", (fun () -> verify "finished" [ "--tolerance"; "-1" ]), 2, [ "--tolerance" ]
    "weights that nobody publishes", (fun () -> [ "weights"; "fetch"; "vgg19_16x" ]), 2, [ "vgg19_16x"; "resnet18" ]

    // Folders
    "no data folder", (fun () -> runWith "nowhere" "weights" []), 1, [ "nowhere: no such folder" ]
    "a file for a data folder", (fun () -> runWith "file" "weights" []), 1, [ "file: no such folder" ]
    "an empty data folder", (fun () -> runWith "empty" "weights" []), 1, [ "holds no data set that is known"; "train/good" ]
    "no training images",
    (fun () -> runWith "no-train" "weights" []),
    1,
    [ "1 of 1 cells failed"; "train/good: no PNG, JPEG, BMP, WebP or TIFF images" ]
    "no weights folder", (fun () -> runWith "data" "nowhere" []), 1, [ "nowhere: no such folder of weights"; "repro weights fetch" ]
    "an empty weights folder", (fun () -> runWith "data" "empty" []), 1, [ "no weights for vgg19_16x"; "repro weights fetch" ]
    "no weights for any default variant",
    (fun () -> [
        "run"
        "--paper"
        "gaussian"
        "--data"
        files.Value["data"]
        "--weights"
        files.Value["empty"]
        "--out"
        files.Value["run"]
    ]),
    1,
    [ "no default variant of gaussian can run"; "--variant"; "resnet18_cntk" ]
    "an output folder that cannot be",
    (fun () -> [
        "run"
        "--paper"
        "favae"
        "--variant"
        overSmallest
        "--data"
        files.Value["data"]
        "--weights"
        files.Value["weights"]
        "--profile"
        "smoke"
        "--out"
        files.Value["file/run"]
    ]),
    1,
    [ "cannot write in"; "file/run"; "--out" ]
    "no photographs to fit",
    (fun () -> [ "fit"; "--method"; "gaussian"; "--train"; files.Value["nowhere"]; "--out"; "m" ]),
    1,
    [ "nowhere: no such file or folder" ]
    "an empty folder to fit",
    (fun () -> [ "fit"; "--method"; "gaussian"; "--train"; files.Value["empty"]; "--out"; "m" ]),
    1,
    [ "no PNG, JPEG, BMP, WebP or TIFF images" ]
    "a model where no folder can be",
    (fun () -> [
        "fit"
        "--method"
        "gaussian"
        "--train"
        files.Value["data/woven/train/good"]
        "--weights"
        packaged
        "--out"
        files.Value["file/m"]
    ]),
    1,
    [ "file/m"; "--out" ]
    "a folder for a model",
    (fun () -> [
        "fit"
        "--method"
        "gaussian"
        "--train"
        files.Value["data/woven/train/good"]
        "--weights"
        packaged
        "--out"
        files.Value["empty"]
    ]),
    1,
    [ "empty is a folder"; "--out" ]
    "no photographs to score", (fun () -> score "model" "nowhere"), 1, [ "nowhere: no such file or folder" ]
    "a data set to list that is not there", (fun () -> [ "data"; "list"; files.Value["nowhere"] ]), 1, [ "nowhere: no such folder" ]
    "a category to verify that is not there",
    (fun () -> [ "data"; "verify"; files.Value["data"]; "--category"; "bottle" ]),
    2,
    [ "no category 'bottle'" ]
    "an import below a file",
    (fun () -> [ "data"; "import"; files.Value["data"]; "--out"; files.Value["file/x"] ]),
    1,
    [ "cannot be written"; "--out" ]
    "Surfaces below a file",
    (fun () -> [ "data"; "surfaces"; "--out"; files.Value["file/x"]; "--train"; "1"; "--test-good"; "0"; "--per-defect"; "0" ]),
    1,
    [ "cannot be written"; "--out" ]
    "features below no folder",
    (fun () -> [
        "features"
        "--backbone"
        "vgg19_16x"
        "--weights"
        files.Value["weights/vgg19_16x.safetensors"]
        "--image"
        files.Value["images/sound.png"]
        "--layers"
        "relu1_1"
        "--out"
        files.Value["nowhere/f"]
    ]),
    1,
    [ "nowhere does not exist"; "make it first" ]

    // Images
    "an image to score that is empty", (fun () -> score "model" "images/empty.png"), 1, [ "empty.png: the file is empty" ]
    "an image to score that is text",
    (fun () -> score "model" "images/text.png"),
    1,
    [ "text.png: not a PNG, JPEG, BMP, WebP or TIFF picture"; "convert" ]
    "an image to score that is torn", (fun () -> score "model" "images/torn.png"), 1, [ "torn.png: a damaged or truncated PNG" ]
    "an image to score that is mislabelled", (fun () -> score "model" "images/jpeg.png"), 0, [ "1 images" ]
    "an image to score that is too large", (fun () -> score "model" "images/huge.png"), 1, [ "65535 x 65535 pixels"; "at most" ]
    "a torn training image",
    (fun () -> runWith "torn-train" "weights" []),
    1,
    [ "1 of 1 cells failed"; "train/good/003.png"; "the same command runs just these again" ]
    "an image to verify that is torn", (fun () -> [ "data"; "verify"; files.Value["torn-train"] ]), 1, [ "error"; "003.png" ]
    "images larger than memory",
    (fun () -> run "hfae" [ "--variant"; "resnet18_cntk+image_side=100000"; "--profile"; "smoke" ]),
    1,
    [ "1 of 1 cells failed"; "100000 x 100000" ]

    // Masks
    "a missing mask", (fun () -> runWith "no-mask" "weights" []), 1, [ "000_mask.png: the mask of"; "is missing" ]
    "a torn mask", (fun () -> runWith "torn-mask" "weights" []), 1, [ "1 of 1 cells failed"; "000_mask.png" ]
    "maps and masks of other shapes", (fun () -> metrics "other.npy" "masks.npy" []), 1, [ "[2,8,8]"; "[2,4,8]"; "same size" ]
    "maps of one dimension", (fun () -> metrics "flat.npy" "masks.npy" []), 1, [ "flat.npy: has shape [8]"; "[N,H,W]" ]
    "masks of floats", (fun () -> metrics "maps.npy" "maps.npy" []), 1, [ "a mask of float32 is ambiguous"; "uint8 or bool" ]
    "maps that are not there", (fun () -> metrics "nowhere.npy" "masks.npy" []), 1, [ "nowhere.npy: cannot be opened" ]
    "maps that are text", (fun () -> metrics "text.npy" "masks.npy" []), 1, [ "text.npy: is not a .npy file" ]
    "maps that are cut short", (fun () -> metrics "torn.npy" "masks.npy" []), 1, [ "torn.npy: is cut short" ]
    "more scores than maps",
    (fun () -> metrics "maps.npy" "masks.npy" [ "--scores"; files.Value["flat.npy"] ]),
    1,
    [ "holds 8 scores for 2 maps" ]

    // Weights
    "a torn weights file", (fun () -> runWith "data" "weights-torn" []), 1, [ "1 of 1 cells failed"; "vgg19_16x.safetensors"; "truncated" ]
    "weights that are not finite",
    (fun () -> runWith "data" "weights-nan" []),
    1,
    [ "1 of 1 cells failed"; "vgg19_16x.safetensors"; "conv0.weight holds NaN" ]
    "weights of no known format",
    (fun () -> features "vgg19_16x" "weights-random/vgg19_16x.pth" []),
    1,
    [ "is neither safetensors, nor a PyTorch state dict, nor darknet weights" ]
    "weights that want to run something",
    (fun () -> features "resnet18" "weights-evil/resnet18.pth" []),
    1,
    [ "resnet18.pth"; "posix_system" ]
    "weights with a broken sidecar", (fun () -> runWith "data" "weights-sidecar" []), 1, [ "vgg19_16x.json: is no readable sidecar" ]
    "weights of another sha256",
    (fun () -> [ "weights"; "verify"; "--weights"; files.Value["weights-sha"] ]),
    1,
    [ "its sha256 is"; "expected 00"; "1 of 1" ]
    "weights of another network",
    (fun () -> features "resnet18" "weights/vgg19_16x.safetensors" []),
    1,
    [ "vgg19_16x.safetensors"; "resnet18" ]
    "a network that does not exist",
    (fun () -> features "resnet19" "weights/vgg19_16x.safetensors" []),
    2,
    [ "unknown backbone 'resnet19'"; "resnet18" ]
    "a layer that does not exist",
    (fun () -> features "vgg19_16x" "weights/vgg19_16x.safetensors" [ "--layers"; "relu9_9" ]),
    1,
    [ "no layer 'relu9_9'"; "relu1_1" ]
    "a weights file that is not there", (fun () -> features "resnet18" "nowhere.pth" []), 1, [ "nowhere.pth: no such file" ]

    // Records
    "a folder of records that is not there", (fun () -> verify "nowhere" []), 1, [ "nowhere: no such folder" ]
    "a folder without records", (fun () -> verify "empty" []), 1, [ "has no record of data"; "--data" ]
    "a torn record", (fun () -> verify "records-torn" []), 1, [ "a.json is not a whole run record"; "Delete it" ]
    "a record that is null", (fun () -> verify "records-null" []), 1, [ "a.json is not a whole run record" ]
    "a record that is something else", (fun () -> verify "records-other" []), 1, [ "a.json is not a whole run record" ]
    "a record of an unknown paper", (fun () -> verifyFitted "finished-paper"), 1, [ "could not be run again: no paper is called 'oracle'" ]
    "a record of an unknown variant", (fun () -> verifyFitted "finished-variant"), 1, [ "could not be run again"; "no variant 'oracle" ]
    "a record of an unknown profile", (fun () -> verifyFitted "finished-profile"), 1, [ "could not be run again"; "lightning" ]
    "a record whose metric was changed",
    (fun () -> verifyFitted "finished-metric"),
    1,
    [ "differs in 1 of"; "regions is 3, in the record 4"; "are those of the record"; "0 of 1 cells hold" ]
    "a record from elsewhere",
    (fun () -> verifyFitted "finished-elsewhere"),
    1,
    [
        "regions is 3, in the record 4"
        "batch_size is 8, in the record 9"
        "the images, labels or masks are not the same"
        "in the record Babbage's"
    ]
    "a record as it was written", (fun () -> verifyFitted "finished"), 0, [ ": holds, "; "1 of 1 cells hold" ]

    // Models
    "a model that is not there", (fun () -> score "nowhere" "images/sound.png"), 1, [ "nowhere: no such file" ]
    "weights for a model", (fun () -> score "weights/vgg19_16x.safetensors" "images/sound.png"), 1, [ "is not a model of 'repro fit'" ]
    "a torn model", (fun () -> score "model-torn" "images/sound.png"), 1, [ "model-torn"; "truncated" ]
    "a model of a later version", (fun () -> score "model-version" "images/sound.png"), 1, [ "format version 9"; "reads versions 1 and 2" ]
    "a model with a broken description",
    (fun () -> score "model-json" "images/sound.png"),
    1,
    [ "model-json is not a model of 'repro fit'" ]
    "a model of an unknown paper", (fun () -> score "model-method" "images/sound.png"), 1, [ "model-method"; "kriging" ]
    "a model with a broken setting",
    (fun () -> score "model-settings" "images/sound.png"),
    1,
    [ "model-settings is not a model of 'repro fit'" ]
    "a model with other weights",
    (fun () -> [
        "score"
        "--model"
        fitted.Value["model"]
        files.Value["images/sound.png"]
        "--weights"
        files.Value["weights-other"]
        "--out"
        files.Value["scored"]
    ]),
    1,
    [ "was fitted with vgg19_16x"; "sha256" ]
    "a model without weights",
    (fun () -> [ "score"; "--model"; fitted.Value["model"]; files.Value["images/sound.png"]; "--out"; files.Value["scored"] ]),
    1,
    [ "needs trained weights"; "--weights" ]
]

/// Files that the report reads: published numbers and records.
let private reports: (string * (Files -> unit) * string list) list =
    let header = "table,method,variant,category,metric,value,spread,spread_kind,unit\n"
    let table content (files: Files) = files.Text "repository/papers/gaussian/published/t.csv" content

    [
        "an empty published table", table "", [ "t.csv is empty"; "its header is" ]
        "a published table without a column", table "table,method\n1,ours\n", [ "t.csv has no column 'variant'" ]
        "a published table with a short row", table (header + "1,ours,v,bottle\n"), [ "t.csv:2 has 4 fields where the header has 9" ]
        "a published value in words",
        table (header + "1,ours,v,bottle,image_auroc,high,,,percent\n"),
        [ "t.csv: 'high' in column value is not a number" ]
    ]

let private analysisError work =
    try
        work ()
        ""
    with AnalysisError message ->
        message

[<Tests>]
let tests =
    testSequenced
    <| testList "bad input" [
        for name, arguments, code, words in table do
            testCase name <| fun () -> expect code words (told (arguments ()))

        for variable, value in [ "REPRO_CACHE_GB", "lots"; "REPRO_CHECKPOINT_SECONDS", "-3" ] do
            testCase $"{variable} is {value}"
            <| fun () ->
                let code, told = withVariable variable value (fun () -> told (run "hfae" [ "--variant"; "resnet18_cntk" ]))
                Expect.notEqual code 0 "exit code"
                Expect.stringContains told $"{variable} is '{value}'" "the message"

        for name, prepare, words in reports do
            testCase name
            <| fun () ->
                prepare files.Value
                let told = analysisError (fun () -> Published.readAll (files.Value["repository/papers"]) |> ignore)

                for word in words do
                    Expect.stringContains told word "the message"

        for folder, words in
            [ "records-torn", "is not a whole run record"; "records-other", "it has no 'schema'"; "nowhere", "does not exist" ] do
            testCase $"a report of {folder}"
            <| fun () ->
                let told = analysisError (fun () -> RunRecord.readAll (files.Value[folder]) |> ignore)
                Expect.stringContains told words "the message"

        testCase "--debug shows where an error comes from"
        <| fun () ->
            let code, told = told (runWith "nowhere" "weights" [ "--debug" ])
            Expect.equal code 1 "exit code"
            Expect.stringContains told "   at Reproduction." "the stack trace"
    ]
