// What the full study costs: papers/SCALE.md's tables, from the committed records, what each paper's cost grows with (papers/<id>/cost.csv)
// and the settings of every cell of the registry.
//   scripts/repro doctor && dotnet fsi scripts/scale.fsx [-- --write | --check]
// It prints the tables; --write puts them into papers/SCALE.md, --check fails where they are not there. The first command builds what this
// loads.
#r "../Core.CSharp/Repro/bin/Release/net10.0/Reproduction.dll"
#r "../Core.CSharp/Repro/bin/Release/net10.0/repro.dll"
#r "../Analysis.FSharp/bin/Release/net10.0/Reproduction.Analysis.dll"

open System
open System.IO
open System.Text.Json
open System.Text.Json.Nodes
open Reproduction.Analysis
open Reproduction.Methods
open Reproduction.Papers

let root = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, ".."))
let papers = Path.Combine(root, "papers")

/// Images of MVTec AD by category.
let images =
    Map.ofList [
        for row in Csv.read [ "category"; "train"; "test" ] (Path.Combine(papers, "mvtec.csv")) ->
            row "category", (int (row "train"), int (row "test"))
    ]

let settings (json: JsonObject) =
    Map.ofSeq [
        for KeyValue(name, value) in json ->
            name,
            match value with
            | null -> ""
            | value -> value.ToJsonString().Trim('"')
    ]

let cells profile = [
    for method in Registry.Papers ->
        method.Id,
        [
            for cell in
                Repro.Sweeps.Cell.Span(
                    method,
                    [| for variant in method.Variants -> variant.Name |],
                    "mvtec",
                    Seq.toArray images.Keys,
                    [| 0..4 |],
                    profile
                ) ->
                {
                    Paper = method.Id
                    Variant = cell.Variant
                    Category = cell.Category
                    Repetition = cell.Repetition
                    Settings = settings (cell.Configure().ToJson())
                    TrainImages = fst images[cell.Category]
                    TestImages = snd images[cell.Category]
                    IsDefault = method.Variants |> Seq.exists (fun variant -> variant.Name = cell.Variant && variant.Default)
                }
        ]
]

/// The records of the papers on MVTec AD, with their settings' names of today.
let records = [
    for method in Registry.Papers do
        for path in Directory.GetFiles(Path.Combine(root, "results", method.Id, "runs"), "*.json") |> Array.sort do
            let text = File.ReadAllText path
            let record = RunRecord.parse path text
            let variant = record.Variant.Split('+')[0]
            let known = method.Variants |> Seq.exists (fun each -> each.Name = variant)

            if known && record.Dataset = "mvtec" && record.Profile <> "smoke" then
                let profile = Enum.Parse<Profile>(record.Profile, true)
                let recorded = JsonNode.Parse(text)["settings"] :?> JsonObject
                let today = method.Configure(Request(variant, profile, record.Category, "mvtec")).With(recorded).ToJson()

                {
                    Cell = {
                        Paper = method.Id
                        Variant = variant
                        Category = record.Category
                        Repetition = 0
                        Settings = settings today
                        TrainImages = record.TrainImages
                        TestImages = record.TestGood + record.TestAnomalous
                        IsDefault = false
                    }
                    Seconds = record.Seconds
                    Steps = record.Fit |> Map.toList |> List.sumBy (fun (name, value) -> if name.EndsWith "steps" then value else 0.0)
                    Threads = record.Environment["threads"]
                    Libtorch = record.Environment["libtorch"]
                }
]

/// Images a second of a frozen network's pass; results/bench writes names with a line below.
let imagesPerSecond (network: string) =
    use document = JsonDocument.Parse(File.ReadAllText(Path.Combine(root, "results", "bench", "features.json")))

    document.RootElement.GetProperty("measurements").EnumerateArray()
    |> Seq.find (fun each ->
        let name = string (each.GetProperty("name").GetString())
        name.StartsWith(network.Replace('-', '_') + " at") && name.EndsWith ", ours")
    |> fun each -> each.GetProperty("value").GetDouble()

let growth, networks = Scale.readGrowth papers, Scale.readNetworks papers

let rates =
    dict [
        for name in networks.Values |> Seq.map _.Measured |> Seq.distinct -> name, Scale.passes networks imagesPerSecond name
    ]

let cost = Scale.cost growth networks (fun name -> rates[name]) records

let tables = [
    "paper", Scale.studyTable cost (cells Profile.Paper)
    "quick", Scale.studyTable cost (cells Profile.Quick)
    "records", Scale.recordTable cost records
]

let sheet = Path.Combine(papers, "SCALE.md")
let text = File.ReadAllText sheet

match List.tail (List.ofArray fsi.CommandLineArgs) |> List.filter ((<>) "--") with
| [] ->
    for name, table in tables do
        printfn "%s\n%s\n" name (String.Join("\n", table))
| [ "--write" ] ->
    File.WriteAllText(sheet, Scale.withTables tables text)
    printfn "%s" sheet
| [ "--check" ] ->
    if Scale.withTables tables text <> text then
        eprintfn "papers/SCALE.md is not what its records give: dotnet fsi scripts/scale.fsx -- --write"
        exit 1
| _ ->
    eprintfn "dotnet fsi scripts/scale.fsx [-- --write | --check]"
    exit 2
