/// Every published number of every paper, its cells named as the readers and the methods name them: none may be out of reach.
module Reproduction.Tests.Walk

open System
open System.IO
open System.IO.Compression
open System.Text.Json.Nodes
open Expecto
open Reproduction.Analysis
open Reproduction.Data
open Reproduction.Methods

let private root =
    let rec upwards (folder: DirectoryInfo | null) =
        match folder with
        | null -> failwith $"No Reproduction.sln above {AppContext.BaseDirectory}: run the tests from the checkout."
        | folder when File.Exists(Path.Combine(folder.FullName, "Reproduction.sln")) -> folder.FullName
        | folder -> upwards folder.Parent

    upwards (DirectoryInfo AppContext.BaseDirectory)

let private published = lazy Published.readAll (Path.Combine(root, "papers"))

/// Those of a paper's own methods that a run measures.
let private measurable =
    lazy
        (published.Value
         |> List.filter (fun number -> number.IsOwn && List.contains number.Metric Published.measurable && number.Category <> "-"))

let private methods = Reproduction.Papers.Registry.Methods |> List.ofSeq

/// Writes a file, gzipped where its name says so.
let private write folder (name: string) (bytes: byte[]) =
    let path = Path.Combine(folder, name)
    Directory.CreateDirectory(nonNull (Path.GetDirectoryName path)) |> ignore
    use file = File.Create path

    if name.EndsWith ".gz" then
        use gzip = new GZipStream(file, CompressionLevel.Fastest)
        gzip.Write(bytes, 0, bytes.Length)
    else
        file.Write(bytes, 0, bytes.Length)

let private idx (sizes: int list) (values: byte[]) =
    let bigEndian (number: int) = [| byte (number >>> 24); byte (number >>> 16); byte (number >>> 8); byte number |]
    Array.concat [ [| 0uy; 0uy; 8uy; byte sizes.Length |]; Array.collect bigEndian (Array.ofList sizes); values ]

let private writeDigits folder =
    for part in [ "train"; "t10k" ] do
        write folder $"{part}-images-idx3-ubyte.gz" (idx [ 10; 2; 2 ] (Array.zeroCreate 40))
        write folder $"{part}-labels-idx1-ubyte.gz" (idx [ 10 ] [| 0uy .. 9uy |])

let private writeCifar folder =
    for file in [ for i in 1..5 -> $"data_batch_{i}.bin" ] @ [ "test_batch.bin" ] do
        write folder file (Array.collect (Array.create 3073) [| 0uy .. 9uy |])

/// A data set as its reader names it and its categories: of small files in its layout.
let private readers: (string * (string -> unit)) list = [ "mnist", writeDigits; "fashion-mnist", writeDigits; "cifar10", writeCifar ]

let private named: Lazy<Map<string, string list>> =
    lazy
        (let folder = Directory.CreateTempSubdirectory "reproduction-walk-"

         try
             Map.ofList [
                 for name, fill in readers do
                     let data = Path.Combine(folder.FullName, name)
                     fill data
                     let dataset = Datasets.Open data
                     dataset.Name, List.ofSeq dataset.CategoryNames
             ]
             |> Map.add "mvtec" (Published.textures @ Published.objects)
         finally
             folder.Delete true)

let private recordOf (number: PublishedNumber) dataset category : RunRecord =
    let variant, parts =
        match number.Variant.Split '/' |> List.ofArray with
        | variant :: parts -> variant, parts
        | [] -> "", []

    {
        Cell = $"{number.Paper}.{variant}.{dataset}.{category}.seed0.paper"
        Paper = number.Paper
        Variant = variant
        Dataset = dataset
        Category = category
        Repetition = "seed 0"
        Profile = "paper"
        Settings = []
        Weights = []
        DataFingerprint = "ab"
        Environment = Map.empty
        Seconds = Map.empty
        Metrics = Map.ofList [ String.concat "." (number.Metric :: parts), number.Value ]
        Undefined = Map.empty
        Fit = Map.empty
        TrainImages = 1
        TestGood = 1
        TestAnomalous = 1
        Regions = None
        Finished = "2026-01-01T00:00:00Z"
    }

/// A method's settings of a variant for a category under a profile, as a record has them.
let private settings (method: IMethod) variant profile dataset category =
    let configuration = method.Configure(Request(variant, profile, category, dataset))

    [
        for KeyValue(name, value) in configuration.ToJson() ->
            name,
            match value with
            | null -> ""
            | :? JsonValue as text when text.GetValueKind() = Text.Json.JsonValueKind.String -> text.GetValue<string>()
            | value -> value.ToJsonString()
    ]

/// Every variant that stands beside a published number, by itself or as a substitute, on every data set and category.
let private compared = [
    for method in methods do
        let numbers = measurable.Value |> List.filter (fun number -> number.Paper = method.Id)

        for variant in
            [
                for number in numbers do
                    let variant = number.Variant.Split('/')[0]
                    variant

                    for substitute in number.Substitutes do
                        if variant.StartsWith(substitute.Published, StringComparison.Ordinal) then
                            substitute.Measured + variant.Substring substitute.Published.Length
            ]
            |> List.distinct do
            method, numbers[0].Schedule, variant
]

let private cells = [
    for KeyValue(dataset, categories) in named.Value do
        for category in categories -> dataset, category
]

[<Tests>]
let tests =
    testList "walk" [
        testCase "the readers' data sets are those that the tables are about"
        <| fun () ->
            let scopes = measurable.Value |> List.map (fun number -> Published.scope number.Category |> fst) |> List.distinct
            Expect.containsAll [ for KeyValue(name, _) in named.Value -> name ] scopes "data sets"
            Expect.hasLength named.Value["cifar10"] 10 "classes"

        testCase "every number of every paper can be reached from records of its cells"
        <| fun () ->
            for number in measurable.Value do
                let dataset, wanted = Published.scope number.Category
                let categories = named.Value |> Map.find dataset |> List.filter (fun category -> wanted.Length > 1 || wanted = [ category ])

                // A mean over the textures needs no record of an object.
                let categories = if dataset = "mvtec" then List.filter (fun c -> List.contains c wanted) categories else categories
                let records = [ for category in categories -> recordOf number dataset category ]
                let compared = Comparison.compare records [ number ] |> List.exactlyOne
                let message = $"{number.Paper} {number.Table} {number.Variant} {number.Category} {number.Metric}"
                // Values are the published ones, but for means whose printed value is not that of their rows.
                Expect.isTrue compared.IsMeasured $"{message}: {Comparison.describe compared.Verdict}"
                Expect.isTrue (compared.Verdict.IsWithinSpread || compared.Verdict.IsWithinPoint) message

        testCase "every variant of a table is one of its method"
        <| fun () ->
            for method, _, variant in compared do
                Expect.isTrue (method.Variants |> Seq.exists (fun known -> known.Name = variant)) $"{method.Id} {variant}"

        testCase "what the quick profile reduces stands in the paper's schedule.csv, with the paper profile's value"
        <| fun () ->
            for paper in Reproduction.Papers.Registry.Papers do
                let schedules = [
                    for method, schedule, _ in compared do
                        if method.Id = paper.Id then schedule.Settings
                ]

                Expect.isFalse (schedules |> List.exists _.IsEmpty || schedules.IsEmpty) $"papers/{paper.Id}/schedule.csv"

            // A baseline without one is said to have another schedule where it was not run in the paper's profile.
            for method, schedule, variant in compared |> List.filter (fun (_, schedule, _) -> not schedule.Settings.IsEmpty) do
                for dataset, category in cells do
                    let paper = settings method variant Profile.Paper dataset category |> Map.ofList
                    let cell = { recordOf measurable.Value[0] dataset category with Variant = variant }

                    for name, quick in settings method variant Profile.Quick dataset category do
                        let rows = schedule.Settings |> List.filter (fun row -> row.Setting = name && Comparison.isAbout cell row)

                        match rows with
                        | row :: _ ->
                            let same = Comparison.isSame row.Value paper[name]

                            Expect.isTrue
                                same
                                $"{method.Id} {variant} {dataset} {category}: {name} is {paper[name]}, schedule.csv has {row.Value}"
                        | [] -> Expect.equal quick paper[name] $"{method.Id} {variant} {dataset} {category}: {name} is not in schedule.csv"
    ]
