// What the full study costs: papers/SCALE.md's tables, from the cells that were measured (results/*/runs), the settings of every cell of
// the
// registry and the numbers of images of MVTec AD.
//   scripts/repro doctor && dotnet fsi scripts/scale.fsx [-- RUN ...]      RUN: folders of runs beside those under results/
// It writes the tables into papers/SCALE.md; the first command builds what this loads.
#r "../Core.CSharp/Repro/bin/Release/net10.0/Reproduction.dll"
#r "../Core.CSharp/Repro/bin/Release/net10.0/repro.dll"

open System
open System.Collections.Generic
open System.IO
open System.Text.Json
open System.Text.Json.Nodes
open Repro.Records
open Repro.Sweeps
open Reproduction.Methods
open Reproduction.Papers

let root = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, ".."))

/// Category, training images, test images of MVTec AD (table 1 of its paper).
let categories = [
    "bottle", 209, 83
    "cable", 224, 150
    "capsule", 219, 132
    "carpet", 280, 117
    "grid", 264, 78
    "hazelnut", 391, 110
    "leather", 245, 124
    "metal_nut", 220, 115
    "pill", 267, 167
    "screw", 320, 160
    "tile", 230, 117
    "toothbrush", 60, 42
    "transistor", 213, 100
    "wood", 247, 79
    "zipper", 240, 151
]

let seeds = [| 0..4 |]

/// The estimate of a GPU against this machine's two cores, and the seconds that a training step takes at least there: papers/SCALE.md says
/// why.
let gpuSpeed, gpuStep = 40.0, 0.005

// ---- what was measured

type Measured = {
    Cell: string
    Paper: string
    Variant: string
    Profile: string
    Category: string
    Dataset: string
    Features: float
    Fit: float
    Score: float
    Metrics: float
    Steps: float
    TestImages: int
    Facts: Map<string, float>
} with

    member record.Total = record.Features + record.Fit + record.Score + record.Metrics

let read path =
    use document = JsonDocument.Parse(File.ReadAllText path)
    let record = document.RootElement
    let text (name: string) = record.GetProperty(name).GetString()
    let second (name: string) = record.GetProperty("seconds").GetProperty(name).GetDouble()
    let count (name: string) = record.GetProperty("counts").GetProperty(name).GetInt32()
    let facts = Map [ for fact in record.GetProperty("fit").EnumerateObject() -> fact.Name, fact.Value.GetDouble() ]

    {
        Cell = text "cell"
        Paper = text "paper"
        Variant = text "variant"
        Profile = text "profile"
        Category = text "category"
        Dataset = text "dataset"
        Features = second "features"
        Fit = second "fit"
        Score = second "score"
        Metrics = second "metrics"
        Steps =
            facts
            |> Map.toSeq
            |> Seq.sumBy (fun (name, value) -> if name = "steps" || name.EndsWith("_steps", StringComparison.Ordinal) then value else 0.0)
        TestImages = count "test_good" + count "test_anomalous"
        Facts = facts
    }

/// Cells on their own: neither smoke cells nor those with other settings than their variant's, but for the number of epochs.
let records = [
    for run in Seq.append (Directory.GetDirectories(Path.Combine(root, "results"))) (Array.skip 1 fsi.CommandLineArgs) do
        let runs = Path.Combine(run, "runs")

        if Directory.Exists runs then
            for path in Directory.GetFiles(runs, "*.json") do
                let record = read path
                let overrides = record.Variant.Split '+' |> Array.skip 1
                if record.Profile <> "smoke" && overrides |> Array.forall (fun setting -> setting.StartsWith "epochs=") then record
]

/// The least seconds of a training step among the cells of a paper's variant under the quick profile: the least disturbed ones.
let measuredStep paper variant =
    match
        [
            for record in records do
                if record.Paper = paper && record.Variant.Split('+')[0] = variant && record.Profile = "quick" && record.Steps > 0.0 then
                    record.Fit / record.Steps
        ]
    with
    | [] ->
        eprintfn
            $"scale.fsx: no cell of {paper}'s {variant} under the quick profile is under results/; run one and copy it there, or name its run"

        exit 1
    | steps -> List.min steps

/// The least seconds of scores and metrics a test image of a paper's cells under the quick profile.
let measuredScore paper =
    let each = [
        for record in records do
            if record.Paper = paper && record.Profile = "quick" && record.Steps > 0.0 then
                record.Score / float record.TestImages, record.Metrics / float record.TestImages
    ]

    List.min (List.map fst each), List.min (List.map snd each)

/// Images a second of a frozen network's forward pass, from results/bench/features.json, and billions of multiplications of that pass.
let bench (name: string) =
    use document = JsonDocument.Parse(File.ReadAllText(Path.Combine(root, "results", "bench", "features.json")))

    document.RootElement.GetProperty("measurements").EnumerateArray()
    |> Seq.find (fun measurement -> measurement.GetProperty("name").GetString() = name)
    |> fun measurement -> measurement.GetProperty("value").GetDouble()

let efficientNet = 1.0 / bench "efficientnet_b4 at 380 x 380, batch 4, 2 threads, ours" / 4.2
let resNet = 1.0 / bench "resnet18 at 256 x 256, batch 4, 2 threads, ours" / (1.8 * (256.0 / 224.0) ** 2.0)

/// Seconds of a forward pass an image, by gaussian's names: the two measured networks, scaled by the published numbers of multiplications.
let forward =
    dict [
        for name, billions in [ "b0", 0.39; "b1", 0.70; "b2", 1.0; "b3", 1.8; "b4", 4.2; "b5", 9.9; "b6", 19.0; "b7", 37.0 ] do
            $"efficientnet_{name}", efficientNet * billions
        "efficientnetv2_b0", efficientNet * 0.72
        for name, billions in [ "resnet18", 1.8; "resnet18_cntk", 2.0; "resnet34", 3.6; "resnet50", 4.1 ] do
            name, resNet * billions
    ]

/// The same for hfae's encoders at 256 x 256.
let hfaeForward =
    dict [
        for name, billions in [ "resnet18", 1.8; "resnet18_cntk", 2.0; "resnet50_v1", 4.1; "wide_resnet50_2", 11.4 ] do
            name, resNet * billions * (256.0 / 224.0) ** 2.0
    ]

/// Median seconds of gaussian's statistics, scores and metrics a cell, on augmented images or not, from the cells behind its tables.
let statistics =
    let gaussian = records |> List.filter (fun record -> record.Paper = "gaussian" && record.Steps = 0.0 && record.Profile = "paper")

    let median augmented =
        let seconds =
            [|
                for record in gaussian do
                    if record.Variant.EndsWith "-augmented" = augmented then record.Total - record.Features
            |]
            |> Array.sort

        seconds[seconds.Length / 2]

    let plain, augmented = median false, median true
    fun isAugmented -> if isAugmented then augmented else plain

// ---- what a cell costs

/// Seconds on two cores.
type Cost = {
    Training: float
    Steps: float
    /// Frozen features, once for all cells with the same key when the cache keeps them, and for this cell alone without it.
    Features: (string * float * float) option
    Other: float
    Metrics: float
}

let number (settings: JsonObject) (name: string) = settings[name].GetValue<float>()

/// Channels of dfr's features and billions of multiplications of VGG-19 up to the deepest of its layers, an image.
let dfrVgg (settings: JsonObject) =
    let layers = [ for layer in settings["layers"].AsArray() -> layer.GetValue<string>() ]
    let width = if settings["network"].GetValue<string>() = "vgg19" then 1.0 else 0.25
    let stage (layer: string) = int (layer.Substring(4, 1))
    let outputs stage = float (min 512 (32 <<< stage))

    let conv s i =
        let side = 256.0 / float (1 <<< (s - 1))

        let inputs =
            if i > 1 then outputs s
            elif s = 1 then 3.0
            else outputs (s - 1)

        side * side * 9.0 * inputs * outputs s * width * width

    let deepest = List.last layers

    let count s =
        if s = stage deepest then int (deepest.Substring 6)
        elif s < 3 then 2
        else 4

    width * List.sumBy (stage >> outputs) layers,
    (List.sum [
        for s in 1 .. stage deepest do
            for i in 1 .. count s -> conv s i
    ])
    / 1e9

/// The same for any of its networks; of a ResNet-18 it takes the stem and the first three stages.
let dfrNetwork (settings: JsonObject) =
    if settings["network"].GetValue<string>().StartsWith "resnet18" then
        64.0 + 64.0 + 128.0 + 256.0, 1.8
    else
        dfrVgg settings

/// Billions of multiplications of dfr's autoencoder at one position, given the share of the latent space in the channels.
let dfrAutoencoder (settings: JsonObject) latentShare =
    let channels, _ = dfrNetwork settings
    let latent = latentShare * channels
    let first = (channels + number settings "latent_share_of_hidden" * latent) / 2.0
    2.0 * (channels * first + first * 2.0 * latent + 2.0 * latent * latent) / 1e9

let vgg19Rate = 25.6 * bench "vgg19 at 256 x 256, batch 4, 2 threads, ours"

let dfrSettings variant profile = (Registry.Find "dfr").Configure(Request(variant, profile, "bottle", "mvtec")).ToJson()

let dfrLatentShare =
    let record = records |> List.find (fun record -> record.Paper = "dfr" && record.Variant = "paper-f1-8-zero")
    record.Facts["latent"] / record.Facts["channels"]

/// Seconds of dfr's step: forward and two backward passes of the autoencoder at the rate of the measured f{1:8}; the paper's schedule takes
/// all
/// 4,096 positions of its images and passes the images through VGG-19 in every step, the quick one takes positions that were drawn once.
let dfrStep (settings: JsonObject) =
    let quick = dfrSettings "paper-f1-8-zero" Profile.Quick

    let rate =
        measuredStep "dfr" "paper-f1-8-zero"
        / (number quick "positions_per_image" * number quick "batch_size" * dfrAutoencoder quick dfrLatentShare)

    let positions, images = number settings "positions_per_image", number settings "batch_size"
    let autoencoder = rate * dfrAutoencoder settings dfrLatentShare

    if positions > 0.0 then
        positions * images * autoencoder
    else
        images * (4096.0 * autoencoder + snd (dfrNetwork settings) / vgg19Rate)

/// Seconds of favae's step. Its own network costs as the square of its width, a frozen extractor what its variant costs more than the
/// vanilla
/// one, one that trains along three times that (forward, two backward); everything as the batch. Textures are cut to the same 128 x 128.
let favaeStep variant (settings: JsonObject) =
    let own = measuredStep "favae" "vanilla"

    let extractor =
        match variant with
        | "vgg16"
        | "vgg19"
        | "yolov3"
        | "random" -> measuredStep "favae" "random" - own
        | "resnet18"
        | "random-resnet18"
        | "resnet18_cntk" -> measuredStep "favae" "resnet18" - own
        | "unfrozen" -> 3.0 * (measuredStep "favae" "random" - own)
        | "unfrozen-resnet18" -> 3.0 * (measuredStep "favae" "resnet18" - own)
        | _ -> 0.0

    number settings "batch_size" / 8.0 * (own * (number settings "width" / 0.25) ** 2.0 + max 0.0 extractor)

/// Seconds of ssae's step: as the batch, the square of the width and the mean area of the growing crops.
let ssaeStep (settings: JsonObject) =
    let work (settings: JsonObject) =
        let growing = [ for share in settings["growing"].AsArray() -> share.GetValue<float>() ** 2.0 ]

        number settings "batch_size"
        * number settings "width" ** 2.0
        * number settings "image_size" ** 2.0
        * List.average growing

    let quick = (Registry.Find "ssae").Configure(Request("objective1", Profile.Quick, "bottle", "mvtec")).ToJson()
    measuredStep "ssae" "objective1" * work settings / work quick

/// Seconds of hfae's step; a decoder over four times the channels has sixteen times the multiplications.
let hfaeStep (encoder: string) = measuredStep "hfae" "resnet18" * (if encoder.Contains "resnet50" then 16.0 else 1.0)

let cost (cell: Cell) (train: int, test: int) =
    let settings = cell.Configure().ToJson()
    let train, test = float train, float test

    let trained steps step features other =
        let score, metrics = measuredScore cell.Method.Id
        { Training = steps * step; Steps = steps; Features = features; Other = other + test * score; Metrics = test * metrics }

    match cell.Method.Id with
    | "hfae" ->
        let encoder = settings["network"].GetValue<string>()
        let features = (train + test) * hfaeForward[encoder]

        trained
            (number settings "epochs" * floor (train / number settings "batch_size"))
            (hfaeStep encoder)
            (Some($"hfae {encoder} {cell.Category}", features, features))
            0.0
    | "dfr" ->
        // The images pass through the network once more for the latent size and once for the thresholds.
        let limited name =
            match number settings name with
            | 0.0 -> train
            | images -> min train images

        let forward = (limited "latent_images" + limited "threshold_images") * snd (dfrNetwork settings) / vgg19Rate
        trained (number settings "epochs" * ceil (train / number settings "batch_size")) (dfrStep settings) None forward
    | "favae" ->
        trained
            (number settings "epochs" * number settings "images_per_epoch" / number settings "batch_size")
            (favaeStep cell.Variant settings)
            None
            0.0
    | "ssae" -> trained (number settings "steps" * float (settings["objectives"].AsArray().Count)) (ssaeStep settings) None 0.0
    | _ when cell.Variant.EndsWith "-supervised" ->
        // Tuned whole: about three forward passes an image. It stops early; all its epochs are the most that it can cost.
        let seen = 0.8 * (train + test) * number settings "epochs"
        let seconds = forward[cell.Variant.Split('-')[0]]

        {
            Training = 3.0 * seen * seconds
            Steps = seen / number settings "batch_size"
            Features = None
            Other = (train + test) * seconds
            Metrics = statistics false
        }
    | _ when settings.ContainsKey "augmentation_epochs" ->
        let name, epochs = cell.Variant.Split('-')[0], number settings "augmentation_epochs"
        // The folds share the images themselves; augmented ones are drawn for each fold, and the variants of a network share them.
        let fitted = 0.8 * train * max 1.0 epochs

        let key, shared =
            if epochs = 0.0 then $"{name} {cell.Category}", train + test else $"{name} {cell.Category} {cell.Repetition}", fitted

        {
            Training = 0.0
            Steps = 0.0
            Features = Some(key, shared * forward[name], (fitted + test) * forward[name])
            Other = 0.0
            Metrics = statistics (epochs > 0.0)
        }
    | _ ->
        // The ResNet-18 autoencoder: encoder and decoder, three passes each.
        let steps = number settings "steps"

        {
            Training = steps * number settings "batch_size" * 6.0 * forward["resnet18"]
            Steps = steps
            Features = None
            Other = test * forward["resnet18"]
            Metrics = statistics false
        }

// ---- the tables

let cellsOf (method: IMethod) profile =
    let sizes = dict [ for name, train, test in categories -> name, (train, test) ]

    [
        for cell in
            Cell.Span(
                method,
                [| for variant in method.Variants -> variant.Name |],
                "mvtec",
                [| for name, _, _ in categories -> name |],
                seeds,
                profile
            ) -> cell, cost cell sizes[cell.Category]
    ]

let hours seconds = seconds / 3600.0

let show (seconds: float) =
    if seconds < 600.0 then $"{seconds:N0} s"
    elif hours seconds < 48.0 then $"{hours seconds:N1} h"
    else $"{hours seconds / 24.0:N0} days"

type Sum = { Cells: int; WithoutCache: float; WithCache: float; Gpu: float; Sixteen: float; LongestCpu: float; LongestGpu: float }

let total (cells: (Cell * Cost) list) =
    let seen = HashSet<string>()
    let mutable withCache, gpu = 0.0, 0.0

    let onGpu (cost: Cost) features =
        max (cost.Training / gpuSpeed) (cost.Steps * gpuStep) + (features + cost.Other) / gpuSpeed + cost.Metrics

    for _, cost in cells do
        let features =
            match cost.Features with
            | Some(key, shared, _) when seen.Add key -> shared
            | _ -> 0.0

        withCache <- withCache + cost.Training + cost.Other + cost.Metrics + features
        gpu <- gpu + onGpu cost features

    let alone (cost: Cost) =
        match cost.Features with
        | Some(_, _, own) -> own
        | None -> 0.0

    let longest = cells |> List.map (fun (_, cost) -> onGpu cost (alone cost)) |> List.max

    {
        Cells = cells.Length
        WithoutCache = cells |> List.sumBy (fun (_, cost) -> cost.Training + cost.Other + cost.Metrics + alone cost)
        WithCache = withCache
        Gpu = gpu
        Sixteen = max (gpu / 16.0) longest
        LongestCpu = cells |> List.map (fun (_, cost) -> cost.Training + cost.Other + cost.Metrics + alone cost) |> List.max
        LongestGpu = longest
    }

let row name (sum: Sum) =
    $"| {name} | {sum.Cells:N0} | {show sum.WithoutCache} | {show sum.WithCache} | {show sum.Gpu} | {show sum.Sixteen} | "
    + $"{show sum.LongestCpu} | {show sum.LongestGpu} |"

let studyTable profile =
    let all = [ for method in Registry.Papers -> method, cellsOf method profile ]

    [
        "| paper | cells | 1 machine, no cache | 1 machine, cache | 1 GPU (estimate) | 16 GPUs (estimate) | longest cell, machine | "
        + "longest cell, GPU (estimate) |"
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
        for method, cells in all do
            row $"`{method.Id}`" (total cells)

            let defaults =
                set [
                    for variant in method.Variants do
                        if variant.Default then variant.Name
                ]

            row
                $"`{method.Id}`, its default variants"
                (total [
                    for cell, cost in cells do
                        if defaults.Contains cell.Variant then cell, cost
                ])
        row "all five" (total (List.collect snd all))
    ]

let stepTable =
    let settings (method: IMethod) variant profile = method.Configure(Request(variant, profile, "bottle", "mvtec")).ToJson()

    let row paper variant step =
        let method = Registry.Find paper

        let measured =
            records
            |> List.exists (fun record -> record.Paper = paper && record.Variant.Split('+')[0] = variant && record.Profile = "quick")

        let value profile : float = step (settings method variant profile)
        let how = if measured then "measured" else "computed"
        $"| `{paper}` | `{variant}` | {value Profile.Quick:N4} ({how}) | {value Profile.Paper:N4} |"

    [
        "| paper | variant | quick, s a step | paper, s a step (extrapolated) |"
        "| --- | --- | ---: | ---: |"
        row "hfae" "resnet18" (fun _ -> hfaeStep "resnet18")
        row "hfae" "wide_resnet50_2" (fun _ -> hfaeStep "wide_resnet50_2")
        for variant in [ "paper-f1-8-zero"; "paper-f1-12-zero"; "paper-f1-16-zero" ] do
            row "dfr" variant dfrStep
        for variant in [ "vanilla"; "resnet18"; "vgg16"; "unfrozen" ] do
            row "favae" variant (favaeStep variant)
        row "ssae" "objective1" ssaeStep
        ""
        "| network of `gaussian` | s an image, forward |"
        "| --- | ---: |"
        for KeyValue(name, seconds) in forward do
            let source =
                match name with
                | "efficientnet_b4"
                | "resnet18" -> "measured"
                | _ -> "scaled"

            $"| `{name}` | {seconds:N3} ({source}) |"
    ]

/// Whole cells that were measured for the papers' tables, beside what is computed for them.
let checkTable =
    let sizes = dict [ for name, train, test in categories -> name, (train, test) ]

    [
        "| cells | measured | s a cell, least to most | computed |"
        "| --- | ---: | ---: | ---: |"
        let whole =
            records
            |> List.filter (fun record ->
                record.Steps > 0.0
                && record.Dataset = "mvtec"
                && not (record.Variant.Contains '+')
                && Registry.Papers |> Seq.exists (fun paper -> paper.Id = record.Paper))

        for (paper, variant, profile, category), group in
            whole |> List.groupBy (fun record -> record.Paper, record.Variant, record.Profile, record.Category) |> List.sortBy fst do
            let method = Registry.Find paper

            let computed =
                cost (Cell(method, variant, "mvtec", category, 0, method.Folds > 0, Enum.Parse<Profile>(profile, true))) sizes[category]

            let all = computed.Training + computed.Other + computed.Metrics
            let totals = group |> List.map (fun record -> record.Total - record.Features)
            $"| `{paper}` `{variant}` {category} {profile} | {group.Length} | {List.min totals:N0} to {List.max totals:N0} | {all:N0} |"
    ]

let replace (text: string) (name: string, table: string list) =
    let first, last = $"<!-- {name} -->\n", "<!-- end -->"
    let from = text.IndexOf(first, StringComparison.Ordinal) + first.Length

    text.Substring(0, from)
    + String.Join("\n", table)
    + "\n"
    + text.Substring(text.IndexOf(last, from, StringComparison.Ordinal))

let sheet = Path.Combine(root, "papers", "SCALE.md")

[ "paper", studyTable Profile.Paper; "quick", studyTable Profile.Quick; "steps", stepTable; "check", checkTable ]
|> List.fold replace (File.ReadAllText sheet)
|> fun text ->
    File.WriteAllText(sheet, text)
    printfn "%s" sheet
