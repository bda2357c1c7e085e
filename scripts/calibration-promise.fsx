// Does the threshold of `repro fit` keep its promise? Of each data set's good products some are fitted on and held back as `fit` does it,
// the others, which no model has seen, tell the rate that is achieved. Five splits each.
//   dotnet fsi scripts/calibration-promise.fsx                       prints what was measured, results/calibration/promise.csv
//   dotnet fsi scripts/calibration-promise.fsx --data ../shared/data --weights ../shared/weights [--out results/calibration]
//     [--methods gaussian,hfae] [--datasets bottle,pill] [--profile smoke] [--splits 5] [--from 0] [--variant V] [--folds K] [--fit N]
//                                                                    measures, adds to promise.csv and writes promise.md
#I "../Core.CSharp/Repro/bin/Release/net10.0" // dotnet build -c Release
#r "Reproduction.dll"
#r "TorchSharp.dll"
#r "MathNet.Numerics.dll"

open System
open System.Globalization
open System.IO
open Reproduction
open Reproduction.Backbones
open Reproduction.Imaging
open Reproduction.Metrics
open Reproduction.Methods
open Reproduction.Models
open Reproduction.Surfaces

CultureInfo.CurrentCulture <- CultureInfo.InvariantCulture
let arguments = List.ofArray fsi.CommandLineArgs |> List.tail

let rec option name =
    function
    | key :: value :: _ when key = "--" + name -> Some value
    | _ :: rest -> option name rest
    | [] -> None

let text name otherwise = option name arguments |> Option.defaultValue otherwise

if arguments |> List.exists (fun word -> word = "--help" || word = "-h") then
    File.ReadLines(Path.Combine(__SOURCE_DIRECTORY__, "calibration-promise.fsx"))
    |> Seq.takeWhile _.StartsWith("//")
    |> Seq.iter (fun line -> printfn "%s" (line.Substring 3))

    exit 0

/// Without data nothing is measured and nothing written.
let measures = (option "data" arguments).IsSome
let data = text "data" ""
let weights = text "weights" "../shared/weights"
let out = text "out" (Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", "results", "calibration")))
let profile = Enum.Parse<Profile>(text "profile" "smoke", ignoreCase = true)
let splits = int (text "splits" "5")
/// The first split: those before it are in the table.
let first = int (text "from" "0")
let folds = option "folds" arguments |> Option.map int
let mostFitted = int (text "fit" "1000")
let surfaces = 360

/// Good products, in a fixed order: files, or pictures in memory.
let pictures =
    function
    | "surfaces" -> [|
        for index in 0 .. surfaces - 1 ->
            let struct (picture, _) = SurfacesDataset.Render("woven", "train", "good", index, 0)
            Choice2Of2 picture
      |]
    | "magnetic-tile" ->
        Directory.GetFiles(Path.Combine(data, "magnetic-tile", "MT_Free", "Imgs"), "*.jpg")
        |> Array.sort
        |> Array.map Choice1Of2
    | category -> [|
        for folder in [ "train"; "test" ] do
            yield! Directory.GetFiles(Path.Combine(data, "mvtec", category, folder, "good"), "*") |> Array.sort |> Array.map Choice1Of2
      |]

let photographs some =
    match Array.head some with
    | Choice1Of2 _ ->
        Photographs.In(
            [|
                for each in some do
                    match each with
                    | Choice1Of2(path: string) -> path
                    | Choice2Of2 _ -> ()
            |]
        )
    | Choice2Of2 _ ->
        Photographs.Of(
            [|
                for each in some do
                    match each with
                    | Choice2Of2(image: Image) -> image
                    | Choice1Of2 _ -> ()
            |]
        )

let raw (model: Model) some = [| for each in model.Score(photographs some) -> each.RawScore.Value |]

let rates = [ 0.01; 0.02; 0.05; 0.1 ]

let header =
    "dataset,method,variant,profile,split,fitted,calibrated,source,target,above,stated_upper,"
    + "unseen,flagged,achieved,tail,inside_stated,inside"

let table = Path.Combine(out, "promise.csv")

if not (File.Exists table) then
    if not measures then
        eprintfn "calibration-promise: %s is missing: nothing was measured yet; --data DIR --weights DIR measures" table
        exit 1

    Directory.CreateDirectory out |> ignore
    File.WriteAllText(table, header + "\n")

let measured = if measures then text "datasets" "bottle,pill,screw,magnetic-tile,surfaces" else ""

for dataset in measured.Split(',', StringSplitOptions.RemoveEmptyEntries) do
    let all = pictures dataset

    for method in (text "methods" "gaussian,hfae,dfr,favae,ssae").Split ',' do
        for split in first .. first + splits - 1 do
            let order = Array.copy all
            SplitMix64.For(uint64 split, "promise " + dataset).Shuffle(order.AsSpan())
            let count = min mostFitted (all.Length * 6 / 10)
            let given, unseen = order[.. count - 1], order[count .. min (count + 299) (order.Length - 1)]

            let options =
                FitOptions(
                    Profile = profile,
                    Weights = weights,
                    Variant = (option "variant" arguments |> Option.toObj),
                    Seed = split,
                    Folds = (folds |> Option.toNullable)
                )

            use model = Model.Fit(method, photographs given, options)
            let scores = Array.sort (raw model unseen)

            for rate in rates do
                let card = model.Description.At rate
                let basis = card.Calibration
                let flagged = Conformal.CountFrom(scores, card.Threshold)
                let tail = Conformal.AtLeast(flagged, scores.Length, basis.Above, basis.Good.Count)
                let achieved = float flagged / float scores.Length

                File.AppendAllText(
                    table,
                    String.Join(
                        ",",
                        [|
                            dataset
                            method
                            card.Variant
                            (string profile).ToLowerInvariant()
                            string split
                            string card.Images
                            string basis.Good.Count
                            string basis.Source
                            string rate
                            string basis.Above
                            $"{basis.Interval.Upper:f4}"
                            string scores.Length
                            string flagged
                            $"{achieved:f4}"
                            $"{tail:f4}"
                            string (achieved <= basis.Interval.Upper)
                            string (tail >= 0.05)
                        |]
                    )
                    + "\n"
                )

            printfn "%s %s split %d: fitted on %d" dataset method split model.Description.Images

/// A row a data set, method and rate: the mean of the splits, and in how many the unseen good products agree with what was stated.
let rows = File.ReadAllLines table |> Array.skip 1 |> Array.map _.Split(',')
let mean (values: float[]) = Array.average values
let share (value: float) = (100.0 * value).ToString "0.0"
let inside = Array.filter (fun (row: string[]) -> row[16] = "True") >> Array.length

let summary =
    rows
    |> Array.groupBy (fun row -> row[0], row[1], row[2], row[3], row[8])
    |> Array.map (fun ((dataset, method, variant, profile, rate), splits) ->
        let column (index: int) = splits |> Array.map (fun row -> float row[index])
        let count index = (mean (column index)).ToString "0"

        $"| {dataset} | {method} {variant}, {profile} | {share (float rate)} | {count 5} | {count 6} "
        + $"| {share (mean (column 10))} | {share (mean (column 13))} | {inside splits} of {splits.Length} |")

/// A row a method: what split conformal prediction lets one expect is (above + 1) / (held back + 1) of unseen good products.
let methods =
    rows
    |> Array.groupBy (fun row -> row[1])
    |> Array.map (fun (method, own) ->
        let expected = own |> Array.averageBy (fun row -> (float row[9] + 1.0) / (float row[6] + 1.0))
        let models = own |> Array.distinctBy (fun row -> row[0], row[2], row[3], row[4])
        let flagged = own |> Array.averageBy (fun row -> float row[13])

        $"| {method} | {models.Length} | {share expected} | {share flagged} | {inside own} of {own.Length} "
        + $"| {share (float (inside own) / float own.Length)} |")

let all = rows |> Array.length
let agree = inside rows

let lines = [|
    "# Does the threshold keep its promise?"
    ""
    "Good products of a data set are split at random; a part is fitted on and held back as by `repro fit`, the others no model has seen."
    "Percent, means over the splits. Inside: the number of unseen ones that are flagged is no surprise at the stated rate (beta-binomial,"
    "at least 5 %). The four rates of a split share a model and its pictures, so that they are not independent."
    "Made by `dotnet fsi scripts/calibration-promise.fsx` from `promise.csv`."
    ""
    "| method | models | flagged, expected | flagged | inside | share |"
    "| --- | ---: | ---: | ---: | ---: | ---: |"
    yield! methods
    ""
    "Expected: (above + 1) / (held back + 1), what split conformal prediction gives on average, mean over the cases."
    ""
    "| data | method | rate asked | fitted | held back | at most, stated | flagged | inside |"
    "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    yield! summary
    ""
    $"In all {agree} of {all} cases are inside ({share (float agree / float all)} %%)."
|]

if measures then
    File.WriteAllLines(Path.Combine(out, "promise.md"), lines)
    printfn "%s" (Path.Combine(out, "promise.md"))
else
    lines |> Array.iter (printfn "%s")
