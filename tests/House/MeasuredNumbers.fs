/// Every number that README.md and the sheets say was measured is found in a record or in another committed result.
///
/// Looked at are the section "Where it stands" of README.md and, of each sheet, the section "Results" and every column "measured effect":
/// - in a table with columns of metrics each row's numbers are found in records of its paper, its category, its variant where it names
///   one, and that metric; a number in brackets is a published one of the same paper, category and metric;
/// - every other rate with three decimals is a metric of a record of that paper or of a floor, its mean over seeds or folds, its spread,
///   or stands in a committed result of the paper (results/<id>, results/bench).
/// Not looked at: sections "What was tried", which say that no record is kept; times, memory and counts, which change from machine to
/// machine (results/bench has them); numbers with fewer than three decimals outside tables of metrics, since almost any of them is found.
/// What else is exempt stands in exempt, with the reason.
module Reproduction.Tests.House.MeasuredNumbers

open System
open System.Globalization
open System.IO
open System.Text.RegularExpressions
open Expecto
open Reproduction.Analysis

let private root = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", ".."))
let private at (path: string) = Path.Combine(root, path)

/// File, number, and why no record has it.
let private exempt = [
    "papers/ssae/README.md", "0.677", "the mean training image's AUROC on pill then; no record of that time is left, as the sheet says"
    "papers/ssae/README.md", "0.676", "the network's, likewise"
    "papers/favae/README.md", "0.535", "a trial with no record kept, as the sheet says"
    "papers/favae/README.md", "0.208", "likewise"
    "papers/favae/README.md", "0.455", "likewise"
]

let private records =
    lazy
        [
            for run in Index.runs root do
                yield! RunRecord.readAll run
        ]

let private published = lazy (Published.readAll (at "papers"))

let private metrics = [ "image AUROC", "image_auroc"; "pixel AUROC", "pixel_auroc"; "AUPRO", "aupro" ]

let private numberOf (text: string) = Double.Parse(text, CultureInfo.InvariantCulture)

/// Whether a printed number may be the rounding of a fraction; one decimal is percent.
let private isRounding (printed: string) (value: float) =
    let decimals = printed.Length - 1 - printed.IndexOf '.'
    let unit = if decimals < 2 then 100.0 else 1.0
    abs (numberOf printed - unit * value) <= 0.5000001 * Math.Pow(10.0, -float decimals)

/// Values of a metric over repetitions of a variant: each, their mean; their spreads.
let private group (values: float list) =
    let summary = Statistics.summarise values
    summary.Mean :: values, (if values.Length < 2 then [] else [ summary.Deviation; summary.StandardError ])

let private groups (select: RunRecord -> bool) (metric: string) = [
    for _, repetitions in
        records.Value
        |> List.filter select
        |> List.groupBy (fun record -> record.Paper, record.Variant, record.Dataset, record.Category, record.Profile) do
        match repetitions |> List.choose (fun record -> record.Metrics.TryFind metric) with
        | [] -> ()
        | values -> group values
]

/// A cell of a table as its number, the one behind ±, and the one in brackets.
let private cellPattern = Regex @"^\**(?<value>\d+\.\d+)(\s*±\s*(?<spread>\d+\.\d+))?(\s*\((?<printed>\d+\.\d+)[^)]*\))?\**$"

/// A variant without its changed settings, which a sheet may say above the table.
let private baseOf (variant: string) = variant.Split('+')[0]

/// The problems of one cell of a table of metrics.
let private problemsOf (paper: string) (category: string) (variants: string list) metric (cell: string) = [
    let found = cellPattern.Match(cell.Trim())

    if found.Success then
        let value, spread, printed = found.Groups["value"].Value, found.Groups["spread"].Value, found.Groups["printed"].Value

        let known =
            groups
                (fun record ->
                    record.Paper = paper
                    && (category = "" || record.Category = category)
                    && (variants.IsEmpty || List.contains (baseOf record.Variant) variants || List.contains record.Variant variants))
                metric

        let fits (values, spreads) = List.exists (isRounding value) values && (spread = "" || List.exists (isRounding spread) spreads)

        if not (List.exists fits known) then
            let of' = String.concat " or " variants
            $"{value}{spread} is no {metric} of {paper} {of'} on {category}"

        let isPrinted (number: PublishedNumber) =
            number.Paper = paper && number.Metric = metric && number.Category = category && isRounding printed number.Value

        if printed <> "" && not (published.Value |> List.exists isPrinted) then
            $"({printed}) is printed nowhere as {metric} of {paper} on {category}"
]

let private split (line: string) = line.Trim().Trim('|').Split '|' |> Array.map _.Trim() |> List.ofArray
let private isTable (line: string) = line.StartsWith "|"
let private isRule (line: string) = Regex.IsMatch(line, @"^\|[\s:|-]+$")

let private categories =
    lazy (records.Value |> List.map _.Category |> List.filter (fun category -> category.Length > 1) |> List.distinct)

let private categoryIn (text: string) =
    categories.Value
    |> List.tryFind (fun category -> Regex.IsMatch(text, $@"\b{Regex.Escape category}\b") || text.Contains(category.Replace('-', ' ')))

let private quoted (text: string) = [ for found in Regex.Matches(text, "`([^`]+)`") -> found.Groups[1].Value ]

/// A table of metrics: its rows' problems, and how many cells were looked at.
let private tableProblems (paperOf: string list -> string) (lines: string list) =
    let header = split lines.Head

    let columns = [
        for i, title in List.indexed header do
            match metrics |> List.tryFind (fun (name, _) -> title.StartsWith name) with
            | Some(_, metric) -> i, metric
            | None -> ()
    ]

    let mutable paper, category = "", ""

    [
        for line in lines.Tail |> List.filter (isRule >> not) do
            let cells = split line

            let about =
                String.concat " " [
                    for i, cell in List.indexed cells do
                        if not (List.exists (fst >> (=) i) columns) then cell
                ]

            paper <- paperOf cells
            category <- categoryIn about |> Option.defaultValue category
            let own = records.Value |> List.filter (fun record -> record.Paper = paper) |> List.map _.Variant
            let known = set (own @ List.map baseOf own)
            let variants = quoted about |> List.filter known.Contains

            for i, metric in columns do
                if i < cells.Length then cells[i], problemsOf paper category variants metric cells[i]
    ]

/// Everything of a paper that a rate in its text may be, but for the tables of metrics.
let private pool (paper: string) =
    let floors = records.Value |> List.filter (fun record -> published.Value |> List.forall (fun number -> number.Paper <> record.Paper))
    let own = records.Value |> List.filter (fun record -> record.Paper = paper)

    let measured =
        own @ floors
        |> List.groupBy (fun record -> record.Paper, record.Variant, record.Dataset, record.Category, record.Profile)
        |> List.collect (fun (_, repetitions) ->
            repetitions
            |> List.collect (fun record ->
                [ for KeyValue(metric, value) in record.Metrics -> metric, value ]
                @ [ for KeyValue(name, value) in record.Fit -> "fit." + name, value ])
            |> List.groupBy fst
            |> List.collect (fun (_, values) ->
                let values, spreads = group (List.map snd values)
                values @ spreads))

    let files = [
        if Directory.Exists(at $"results/{paper}") then
            for pattern in [ "*.md"; "*.csv" ] do
                yield! Directory.EnumerateFiles(at $"results/{paper}", pattern)
        yield! [ at $"results/bench/{paper}.json" ] |> List.filter File.Exists
    ]

    let written = [
        for file in files do
            for found in Regex.Matches(File.ReadAllText file, @"(?<![\w.])\d+\.\d+") do
                numberOf found.Value
                // Reports are in percent.
                numberOf found.Value / 100.0
    ]

    Array.ofList (measured @ written)

/// The lines of the sections under second-level headings that a predicate takes.
let private sections (takes: string -> bool) (text: string) =
    let mutable inside = false

    [
        for line in text.Split '\n' do
            if line.StartsWith "## " then inside <- takes (line.Substring 3)
            else if inside then line
    ]

/// Runs of table lines, and all other lines.
let private tables (lines: string list) =
    let rec read lines found prose =
        match lines with
        | [] -> List.rev found, List.rev prose
        | line :: _ when isTable line ->
            let table = List.takeWhile isTable lines
            read (List.skip table.Length lines) (table :: found) prose
        | line :: rest -> read rest found (line :: prose)

    read lines [] []

let private isOfMetrics (table: string list) =
    split table.Head
    |> List.exists (fun title -> metrics |> List.exists (fun (name, _) -> title.StartsWith name && not (title.Contains '/')))

/// Rates with three decimals outside brackets, code and links.
let private rates (line: string) =
    let plain = Regex.Replace(line, @"\]\([^)]*\)|`[^`]*`|\([^)]*\)", " ")
    [ for found in Regex.Matches(plain, @"(?<![\w.,-])[01]\.\d{3}(?!\d)") -> found.Value ]

/// The problems of a file, and how many numbers were found.
let private check (file: string) (text: string) (paper: string) =
    let isSheet = file.StartsWith "papers/"
    let found, prose = text |> sections (fun heading -> heading = "Results" || heading = "Where it stands") |> tables

    let paperOf (cells: string list) = if isSheet then paper else quoted cells.Head |> List.tryHead |> Option.defaultValue ""

    let ofMetrics, others = found |> List.partition isOfMetrics
    let cells = ofMetrics |> List.collect (tableProblems paperOf)

    let effects = [
        for table in text |> sections (fun _ -> true) |> tables |> fst do
            match split table.Head |> List.tryFindIndex ((=) "measured effect") with
            | Some column ->
                for line in table.Tail do
                    yield! split line |> List.tryItem column |> Option.toList
            | None -> ()
    ]

    let allowed = lazy (if isSheet then pool paper else Array.concat [ for paper in Papers.read (at "papers") -> pool paper.Id ])
    let isExempt number = exempt |> List.exists (fun (where, what, _) -> where = file && what = number)
    let loose = prose @ List.concat others @ effects |> List.collect rates |> List.filter (isExempt >> not)

    List.collect snd cells
    @ [
        for number in loose do
            if not (allowed.Value |> Array.exists (isRounding number)) then $"{number} stands in no record and no committed result"
    ]
    |> List.map (fun problem -> $"{file}: {problem}"),
    (cells |> List.filter (fst >> cellPattern.IsMatch) |> List.length) + loose.Length

let private sheets = [
    "README.md", ""
    for paper in Papers.readAll (at "papers") do
        Path.GetRelativePath(root, Path.Combine(paper.Folder, "README.md")).Replace('\\', '/'), paper.Id
]

[<Tests>]
let tests =
    testList "house" [
        testCase "every number that README and sheets call measured is in a record or a committed result"
        <| fun () ->
            let checkedFiles = [ for file, paper in sheets -> check file (File.ReadAllText(at file)) paper ]
            Expect.equal (String.concat "\n" (List.collect fst checkedFiles)) "" "numbers without a record"
            Expect.isGreaterThan (List.sumBy snd checkedFiles) 250 "numbers that were looked at"

        testCase "a measured number that is changed in README or a sheet is found out"
        <| fun () ->
            let problems (row: string) =
                let text = "## Where it stands\n\n| paper | run | image AUROC | pixel AUROC |\n| --- | --- | --- | --- |\n" + row + "\n"

                check "README.md" text "" |> fst |> List.length

            let record = records.Value |> List.find (fun record -> record.Dataset = "mvtec" && record.Metrics.ContainsKey "pixel_auroc")

            let row change =
                let shown metric = (record.Metrics[metric] + change).ToString("0.000", CultureInfo.InvariantCulture)

                $"""| `{record.Paper}` | `{record.Variant}`, {record.Category} | {shown "image_auroc"} | {shown "pixel_auroc"} |"""

            Expect.equal (problems (row 0.0)) 0 "as recorded"
            Expect.equal (problems (row -0.3141)) 2 "both changed"

        testCase "what is exempt stands where it is said to stand"
        <| fun () ->
            for file, number, _ in exempt do
                Expect.stringContains (File.ReadAllText(at file)) number $"{file}"
    ]
