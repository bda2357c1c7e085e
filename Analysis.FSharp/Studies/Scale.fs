namespace Reproduction.Analysis

open System
open System.Collections.Generic
open System.Globalization
open System.IO
open System.Text.RegularExpressions

/// A cell of the full study, or of a record.
type ScaleCell = {
    Paper: string
    /// Without the settings that depart from it.
    Variant: string
    Category: string
    Repetition: int
    /// As run records write them, under today's names.
    Settings: Map<string, string>
    TrainImages: int
    TestImages: int
    /// Whether it runs where no variant is asked for.
    IsDefault: bool
}

/// What a record says of its cell.
type TimedCell = { Cell: ScaleCell; Seconds: Map<string, float>; Steps: float; Threads: string; Libtorch: string }

/// A row of papers/<id>/cost.csv: something that a part of a cell's cost grows with.
type Growth = {
    /// fit (seconds), steps (of the training) or features (passes of images through the frozen network); empty for "like".
    Part: string
    /// train_images, network (multiplications of a pass), a setting, "#" and a setting for the length of its list; "like" for the variant
    /// whose records stand for those without one of their own; any other name for what Value gives.
    By: string
    Power: float
    /// Where the setting is 0 or none: what it then means.
    Value: string
    /// The variants that it is about, "*" for any letters; empty for all. The first row of a By that is about a variant counts.
    Variants: string
}

/// A frozen network: billions of multiplications of a pass at a side in pixels, and the measured network of its kind (results/bench).
type NetworkCost = { Billions: float; Side: float; Measured: string }

/// Seconds of a cell on the machine that the records come from.
type CellCost = {
    Fit: float
    Steps: float
    Score: float
    Metrics: float
    /// Passes through a frozen network: what they are of, for the cache, and their seconds.
    Features: (string * float) option
}

/// What cells cost together, in seconds.
type ScaleSum = {
    Cells: int
    /// Cells whose variant has no record and none that stands for it: they are in no sum.
    Unknown: int
    WithoutCache: float
    WithCache: float
    Gpu: float
    Sixteen: float
    LongestCpu: float
    LongestGpu: float
}

/// What the full study costs, from the seconds of the cells that were measured and from what a paper's cost grows with.
module Scale =
    /// How many times the machine a GPU is taken for, and the seconds that a step takes there at least (papers/SCALE.md says why).
    let gpuSpeed, gpuStep = 40.0, 0.005

    let private number (text: string) = Double.Parse(text, CultureInfo.InvariantCulture)

    /// Of each paper that has a cost.csv its rows.
    let readGrowth (papers: string) : Map<string, Growth list> =
        Map.ofList [
            for folder in Directory.EnumerateDirectories papers do
                let file = Path.Combine(folder, "cost.csv")

                if File.Exists file then
                    DirectoryInfo(folder).Name,
                    [
                        for row in Csv.read [ "part"; "by"; "power"; "value"; "variants" ] file ->
                            {
                                Part = row "part"
                                By = row "by"
                                Power = (if row "power" = "" then 1.0 else number (row "power"))
                                Value = row "value"
                                Variants = row "variants"
                            }
                    ]
        ]

    /// The networks of papers/networks.csv.
    let readNetworks (papers: string) : Map<string, NetworkCost> =
        Map.ofList [
            for row in Csv.read [ "network"; "billions"; "side"; "measured" ] (Path.Combine(papers, "networks.csv")) ->
                row "network", { Billions = number (row "billions"); Side = number (row "side"); Measured = row "measured" }
        ]

    let private isAbout (variant: string) (row: Growth) =
        row.Variants = "" || Regex.IsMatch(variant, "^" + Regex.Escape(row.Variants).Replace(@"\*", ".*") + "$")

    let private rowsOf (growth: Map<string, Growth list>) (cell: ScaleCell) =
        growth
        |> Map.tryFind cell.Paper
        |> Option.defaultValue []
        |> List.filter (isAbout cell.Variant)
        |> List.distinctBy (fun row -> row.Part, row.By)

    let private network (networks: Map<string, NetworkCost>) (cell: ScaleCell) =
        let name = cell.Settings |> Map.tryFind "network" |> Option.defaultValue ""

        match networks |> Map.tryFind name with
        | Some cost -> cost, cost.Billions * (number cell.Settings["image_size"] / cost.Side) ** 2.0
        | None -> raise (AnalysisError $"papers/networks.csv has no network '{name}' of {cell.Paper}'s {cell.Variant}")

    /// The share of a row in the work of a cell.
    let private share networks (cell: ScaleCell) (row: Growth) =
        let items (text: string) = text.Trim('[', ']').Split(',', StringSplitOptions.RemoveEmptyEntries)

        let given =
            match row.By with
            | "train_images" -> Some(float cell.TrainImages ** row.Power)
            | "network" -> Some(snd (network networks cell) ** row.Power)
            | by when by.StartsWith '#' -> Some(float (items cell.Settings[by.Substring 1]).Length ** row.Power)
            | by ->
                match Map.tryFind by cell.Settings with
                | Some list when list.StartsWith '[' -> Some(items list |> Array.averageBy (fun item -> number item ** row.Power))
                | Some text when text <> "" && number text <> 0.0 -> Some(number text ** row.Power)
                | _ -> None

        match given with
        | Some share -> share
        | None when row.Value <> "" -> number row.Value ** row.Power
        | None -> raise (AnalysisError $"{cell.Paper}'s cost.csv has no value for '{row.By}', which {cell.Variant} does not set")

    /// The work of a part of a cell, in a unit of the paper's own; None where the paper has no row for it.
    let private work networks rows part cell =
        match rows |> List.filter (fun row -> row.Part = part) with
        | [] -> None
        | rows -> Some(rows |> List.fold (fun product row -> product * share networks cell row) 1.0)

    /// A cell's seconds, from the least disturbed record of its variant or of the one that stands for it: what other work took is in all of
    /// them, and in this the least. None where there is none.
    let cost growth networks (passes: string -> float) (records: TimedCell list) : ScaleCell -> CellCost option =
        let unitsOf (paper, variant) =
            match records |> List.filter (fun record -> (record.Cell.Paper, record.Cell.Variant) = (paper, variant)) with
            | [] -> None
            | measured ->
                let least amount = measured |> List.map amount |> List.min

                let each part (amount: TimedCell -> float) =
                    least (fun record ->
                        match work networks (rowsOf growth record.Cell) part record.Cell with
                        | Some work -> amount record / work
                        | None -> 0.0)

                Some {|
                    Fit = each "fit" (fun record -> record.Seconds["fit"])
                    Steps = each "steps" _.Steps
                    Score = least (fun record -> record.Seconds["score"] / float record.Cell.TestImages)
                    Metrics = least (fun record -> record.Seconds["metrics"] / float record.Cell.TestImages)
                |}

        let known = Dictionary()

        let units key =
            match known.TryGetValue key with
            | true, found -> found
            | _ ->
                known[key] <- unitsOf key
                known[key]

        fun cell ->
            let rows = rowsOf growth cell
            let standIn () = rows |> List.tryFind (fun row -> row.By = "like") |> Option.bind (fun row -> units (cell.Paper, row.Value))
            let done' part = work networks rows part cell |> Option.defaultValue 0.0

            units (cell.Paper, cell.Variant)
            |> Option.orElseWith standIn
            |> Option.map (fun units -> {
                Fit = units.Fit * done' "fit"
                Steps = units.Steps * done' "steps"
                Score = units.Score * float cell.TestImages
                Metrics = units.Metrics * float cell.TestImages
                Features =
                    work networks rows "features" cell
                    |> Option.map (fun repeated ->
                        let cost, billions = network networks cell
                        let name, size = cell.Settings["network"], cell.Settings["image_size"]
                        // Images that are drawn anew for every repetition are in no other's cache.
                        let own = if repeated = 1.0 then "" else $" {cell.Repetition}"
                        let images = float cell.TrainImages * repeated + float cell.TestImages
                        $"{name} {size} {cell.Category}{own}", passes cost.Measured * billions * images)
            })

    /// Seconds of a billion multiplications in a measured network's pass, by the start of its name in results/bench/features.json.
    let passes (networks: Map<string, NetworkCost>) (imagesPerSecond: string -> float) (measured: string) =
        1.0 / imagesPerSecond measured / networks[measured].Billions

    let sum (costs: CellCost option list) : ScaleSum =
        let known = List.choose id costs
        let seen = HashSet<string>()
        let ofFeatures (cost: CellCost) = cost.Features |> Option.map snd |> Option.defaultValue 0.0
        let cached (cost: CellCost) = if cost.Features |> Option.exists (fun (key, _) -> seen.Add key) then ofFeatures cost else 0.0

        let onGpu (cost: CellCost) features =
            max (cost.Fit / gpuSpeed) (cost.Steps * gpuStep) + (features + cost.Score) / gpuSpeed + cost.Metrics

        let onCpu (cost: CellCost) features = cost.Fit + features + cost.Score + cost.Metrics
        let most values = if List.isEmpty values then 0.0 else List.max values
        let withCached = known |> List.map (fun cost -> cost, cached cost)
        let gpu = withCached |> List.sumBy (fun (cost, features) -> onGpu cost features)
        let longest = known |> List.map (fun cost -> onGpu cost (ofFeatures cost)) |> most

        {
            Cells = costs.Length
            Unknown = costs.Length - known.Length
            WithoutCache = known |> List.sumBy (fun cost -> onCpu cost (ofFeatures cost))
            WithCache = withCached |> List.sumBy (fun (cost, features) -> onCpu cost features)
            Gpu = gpu
            Sixteen = max (gpu / 16.0) longest
            LongestCpu = known |> List.map (fun cost -> onCpu cost (ofFeatures cost)) |> most
            LongestGpu = longest
        }

    let private duration seconds =
        let text: FormattableString =
            if seconds < 600.0 then $"{seconds:N0} s"
            elif seconds < 48.0 * 3600.0 then $"{seconds / 3600.0:N1} h"
            else $"{seconds / 86400.0:N0} days"

        FormattableString.Invariant text

    /// The table of a profile: each paper, its default variants, and all of them.
    let studyTable (cost: ScaleCell -> CellCost option) (papers: (string * ScaleCell list) list) : string list =
        let row name cells =
            let sum = cells |> List.map cost |> sum
            let times = [ sum.WithoutCache; sum.WithCache; sum.Gpu; sum.Sixteen; sum.LongestCpu; sum.LongestGpu ] |> List.map duration
            let count = FormattableString.Invariant $"{sum.Cells:N0} | {sum.Unknown:N0}"
            $"""| {name} | {count} | {String.concat " | " times} |"""

        [
            "| paper | cells | not counted | 1 machine, no cache | 1 machine, cache | 1 GPU (estimate) | 16 GPUs (estimate) | "
            + "longest cell, machine | longest cell, GPU (estimate) |"
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
            for paper, cells in papers do
                row $"`{paper}`" cells
                row $"`{paper}`, its default variants" (cells |> List.filter _.IsDefault)
            row "all" (List.collect snd papers)
        ]

    /// Of each paper the records, and how many times what is computed they took: the least, the median and the most.
    let recordTable (cost: ScaleCell -> CellCost option) (records: TimedCell list) : string list = [
        "| paper | records | variants | libtorch | threads | seconds of fit over computed: least, median, most |"
        "| --- | ---: | ---: | --- | --- | --- |"
        for paper, group in records |> List.groupBy _.Cell.Paper do
            let listed (field: TimedCell -> string) = group |> List.map field |> List.distinct |> List.sort |> String.concat ", "
            let variants = group |> List.distinctBy _.Cell.Variant |> List.length

            let over =
                group
                |> List.choose (fun record -> cost record.Cell |> Option.map (fun computed -> record.Seconds["fit"] / computed.Fit))
                |> List.filter Double.IsFinite
                |> List.sort

            let spread =
                if over.IsEmpty then
                    "–"
                else
                    FormattableString.Invariant $"{List.head over:N1}, {over[over.Length / 2]:N1}, {List.last over:N1}"

            $"| `{paper}` | {group.Length} | {variants} | {listed _.Libtorch} | {listed _.Threads} | {spread} |"
    ]

    /// A text with other tables between "<!-- name -->" and "<!-- end -->".
    let withTables (tables: (string * string list) list) (text: string) =
        let replace (text: string) (name: string, table: string list) =
            let first, last = $"<!-- {name} -->\n", "<!-- end -->"
            let from = text.IndexOf(first, StringComparison.Ordinal) + first.Length
            let rest = text.Substring(text.IndexOf(last, from, StringComparison.Ordinal))
            text.Substring(0, from) + String.Join("\n", table) + "\n" + rest

        List.fold replace text tables
