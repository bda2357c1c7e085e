namespace Reproduction.Analysis

open System.Globalization
open System.IO

/// One printed number of a paper: a row of papers/<id>/published/<table>.csv.
type PublishedNumber = {
    Paper: string
    /// Whether it is about the paper's own method or a baseline that is a variant of it here.
    IsOwn: bool
    /// What may stand for its variant.
    Substitutes: Substitute list
    /// The settings that its schedule consists of, and the data that stand for the paper's.
    Schedule: Schedule
    Table: string
    /// The paper's id for the authors' own method, otherwise the baseline's name.
    Method: string
    /// "V/P/Q": record variant V, part P, operating point Q.
    Variant: string
    Category: string
    Metric: string
    /// As printed.
    Text: string
    /// Fractions where the unit is percent or fraction, otherwise in the paper's unit.
    Value: float
    Spread: Spread option
    Unit: string
}

module Published =
    let private mvtec kind = [
        for row in Resource.read("mvtec.csv").Split '\n' |> List.ofArray |> Csv.parse [ "category"; "kind" ] "papers/mvtec.csv" do
            if row "kind" = kind then row "category"
    ]

    /// Categories of the means that papers print, from papers/mvtec.csv, as the methods have them too.
    let textures = mvtec "texture"

    let objects = mvtec "object"

    /// The metrics that run records measure.
    let measurable = [ "image_auroc"; "pixel_auroc"; "aupro"; "achieved_fpr"; "achieved_tpr" ]

    let private digits = [ for digit in 0..9 -> string digit ]

    let private cifarClasses = [ "airplane"; "automobile"; "bird"; "cat"; "deer"; "dog"; "frog"; "horse"; "ship"; "truck" ]

    /// The cells that a printed number is about: the data set, and the categories as its reader names them.
    let scope category =
        match category with
        | "mean" -> "mvtec", textures @ objects
        | "textures" -> "mvtec", textures
        | "objects" -> "mvtec", objects
        | "mnist" -> "mnist", digits
        | "fashion_mnist" -> "fashion-mnist", digits
        | "cifar10" -> "cifar10", cifarClasses
        | single -> "mvtec", [ single ]

    let private columns = [ "table"; "method"; "variant"; "category"; "metric"; "value"; "spread"; "spread_kind"; "unit" ]

    let private readTable (paper: Paper) path =
        let number row column =
            let text: string = row column

            match System.Double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture) with
            | true, value -> if row "unit" = "percent" then value / 100.0 else value
            | _ -> raise (AnalysisError $"{path}: '{text}' in column {column} is not a number")

        [
            for row in Csv.read columns path ->
                {
                    Paper = paper.Id
                    IsOwn = List.contains (row "method") paper.OwnMethods
                    Substitutes = paper.Substitutes
                    Schedule = paper.Schedule
                    Table = row "table"
                    Method = row "method"
                    Variant = row "variant"
                    Category = row "category"
                    Metric = row "metric"
                    Text = row "value"
                    Value = number row "value"
                    Spread =
                        if row "spread" = "" then
                            None
                        else
                            Some { Size = number row "spread"; Kind = if row "spread_kind" = "sem" then ErrorOfMean else Deviation }
                    Unit = row "unit"
                }
        ]

    /// All published numbers under a folder papers/, paper by paper and table by table.
    let readAll (folder: string) : PublishedNumber list = [
        for paper in Papers.readAll folder do
            let tables = Path.Combine(paper.Folder, "published")

            for path in Directory.EnumerateFiles(tables, "*.csv") |> Seq.sort do
                yield! readTable paper path
    ]
