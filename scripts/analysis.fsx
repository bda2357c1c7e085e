// Loads the compiled analysis (Analysis.FSharp) and runs one of its commands; builds it first where its sources are newer.
module Analysis

open System
open System.Diagnostics
open System.IO
open System.Reflection

let private root = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, ".."))

let private library =
    Path.Combine(root, "Analysis.FSharp", "bin", "Release", "net10.0", "Reproduction.Analysis.dll")

let private isCurrent () =
    let sources = Directory.EnumerateFiles(Path.Combine(root, "Analysis.FSharp"))

    File.Exists library && sources |> Seq.forall (fun source -> File.GetLastWriteTimeUtc source <= File.GetLastWriteTimeUtc library)

let private build () =
    eprintfn "building Analysis.FSharp"
    let log = Path.GetTempFileName()
    let project = Path.Combine(root, "Analysis.FSharp")
    let command = $"dotnet build '{project}' -c Release -v quiet -nologo >'{log}' 2>&1 && touch '{library}'"
    use building = Process.Start("sh", [ "-c"; command ])
    building.WaitForExit()

    if building.ExitCode <> 0 then
        eprintfn "%s\nAnalysis.FSharp could not be built; mend what is said above, then run 'dotnet build Analysis.FSharp -c Release'" (File.ReadAllText log)
        exit 1

    File.Delete log

let private call (command: string) (arguments: obj list) =
    if not (isCurrent ()) then
        build ()

    let commands = Assembly.LoadFrom(library).GetType "Reproduction.Analysis.Commands"
    exit (commands.GetMethod(command).Invoke(null, List.toArray (box root :: arguments)) :?> int)

let private ownArguments () = Array.skip 1 fsi.CommandLineArgs

/// Writes or checks the report of a run.
let report () = call "report" [ ownArguments () ]

/// Sets the papers beside one another.
let comparePapers () = call "comparePapers" [ ownArguments () ]

/// Figures 8 and 9 of ssae; measures first where nothing is measured yet.
let orthogonality () = call "orthogonality" [ ownArguments () ]

/// The toy study of favae.
let toyDistribution () = call "toyDistribution" [ ownArguments () ]

let private study command title paper (variants: string list) (more: obj list) =
    let name = Path.GetFileNameWithoutExtension fsi.CommandLineArgs[0]
    call command ([ box name; title; paper; Array.ofList variants ] @ more @ [ ownArguments () ])

/// Variants of one paper beside one another, a column per metric; runs the missing cells where it is given data.
let ablate (title: string) (paper: string) (variants: string list) (metrics: string list) =
    study "ablate" title paper variants [ Array.ofList metrics ]

/// Variants of one paper beside one another category by category, with a chart for each metric; runs the missing cells as `ablate` does.
let ablateCategories (title: string) (paper: string) (variants: string list) (metrics: string list) =
    study "ablateCategories" title paper variants [ Array.ofList metrics ]

/// The levels of a sum beside one another, a column per variant.
let ablateLevels (title: string) (paper: string) (variants: string list) = study "ablateLevels" title paper variants []

/// The rates that n-sigma thresholds promise and achieve.
let calibrate (title: string) (paper: string) (variants: string list) = study "calibrate" title paper variants []
