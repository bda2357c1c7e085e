/// The library as a package: the program that README.md shows, compiled and run outside the repository.
module Reproduction.Tests.TenLines

open System
open System.Diagnostics
open System.IO
open System.Net.Http
open System.Text.Json
open System.Text.RegularExpressions
open Expecto
open Reproduction
open Reproduction.Backbones
open Reproduction.Imaging
open Reproduction.Surfaces
open Reproduction.Tests.Bench

let private root = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", ".."))
let private configuration = if AppContext.BaseDirectory.Contains "Debug" then "Debug" else "Release"

let private program = lazy (readmeProgram "ten lines")

let private globalPackages =
    match Option.ofObj (Environment.GetEnvironmentVariable "NUGET_PACKAGES") with
    | Some folder when folder <> "" -> folder
    | _ -> Path.Combine(Environment.GetFolderPath Environment.SpecialFolder.UserProfile, ".nuget", "packages")

/// This variable would take the place of the project's own folder of packages, and what is packed here would stay.
let private without = [ "NUGET_PACKAGES", None ]

/// Packages that the machine has are taken from where they lie; our own goes into a folder of the project's, where no older one can be.
let private settings =
    $"""<?xml version="1.0" encoding="utf-8"?>
<configuration>
  <config><add key="globalPackagesFolder" value="../packages" /></config>
  <fallbackPackageFolders><add key="machine" value="{globalPackages}" /></fallbackPackageFolders>
  <packageSources><add key="own" value="../feed" /></packageSources>
</configuration>
"""

/// One that no feed has.
let private version = $"0.0.1-test{DateTime.UtcNow.Ticks}"

let private project sdk =
    $"""<Project Sdk="{sdk}">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>net10.0</TargetFramework>
    <ImplicitUsings>enable</ImplicitUsings>
    <Nullable>enable</Nullable>
    <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
    <NuGetAudit>false</NuGetAudit>
  </PropertyGroup>
  <ItemGroup>
    <PackageReference Include="Reproduction" Version="{version}" />
    <PackageReference Include="libtorch-cpu-linux-x64" Version="{packageVersion "libtorch-cpu-linux-x64"}" />
  </ItemGroup>
</Project>
"""

let private photographs folder =
    let write name split (defect: string) index =
        writePicture (Path.Combine(folder, "photos", name, $"{defect}-{index}.png")) (cloth split defect index)

    for index in 0..5 do
        write "good" "train" "good" index

    write "new" "test" "good" 0
    write "new" "test" "hole" 0

let private pack feed =
    let library = Path.Combine(root, "Core.CSharp", "Reproduction")

    dotnetSucceeds without library [ "pack"; "-c"; configuration; $"-p:PackageVersion={version}"; "--no-build"; "-o"; feed; "-nologo" ]
    |> ignore

/// A project of its own that takes the package; the test is skipped where the feed is out of reach.
let private build folder bin sdk (code: string) =
    File.WriteAllText(Path.Combine(folder, "nuget.config"), settings)
    File.WriteAllText(Path.Combine(folder, "Inspect.csproj"), project sdk)
    File.WriteAllText(Path.Combine(folder, "Program.cs"), code)

    match dotnet without folder [ "restore"; "-nologo" ] with
    | 0, _ -> ()
    | _, output when Regex.IsMatch(output, "NU1301|NU1101|NU1102") ->
        skiptest $"the feed cannot be reached, and the machine lacks a package: {output}"
    | _, output -> failtest output

    dotnetSucceeds without folder [ "build"; "--no-restore"; "-nologo"; "-v"; "q"; "-o"; bin ] |> ignore

/// Whether a program that knows the library alone has left a verdict on every method's convolutions in its user's cache.
let private isChecked cache =
    let ours = Convolve(fun layer input kernel bias -> ConvolutionCheck.Ours(layer, input, kernel, bias))
    let folder = Path.Combine(cache, "reproduction", "convolutions")
    let verdicts = ConvolutionVerdicts(folder, ConvolutionVerdicts.OfThisMachine.Layers, ours)
    not (isNull (box (verdicts.Find(TorchRuntime.Instructions, asProducts = true))))

/// The web service judges the photographs as the console program did.
let private serves folder program verdicts =
    let info =
        ProcessStartInfo("dotnet", [ program; "--urls"; "http://127.0.0.1:0" ], RedirectStandardOutput = true, WorkingDirectory = folder)

    use running = nonNull (Process.Start info)

    try
        let rec address () =
            match running.StandardOutput.ReadLine() with
            | null -> failtest "the service ended"
            | line ->
                match Regex.Match(line, @"http://127\.0\.0\.1:\d+") with
                | found when found.Success -> found.Value
                | _ -> address ()

        use client = new HttpClient(BaseAddress = Uri(address ()))

        for name, score, verdict in verdicts do
            use content = new ByteArrayContent(File.ReadAllBytes(Path.Combine(folder, "photos", "new", $"{name}.png")))
            use answer = client.PostAsync("/judge", content).Result
            use json = JsonDocument.Parse(answer.Content.ReadAsStringAsync().Result)
            Expect.equal (json.RootElement.GetProperty("verdict").GetString()) verdict "the verdict"
            let served = json.RootElement.GetProperty("score").GetDouble()
            Expect.floatClose { absolute = 1e-3; relative = 0.0 } served (float score) "the score"
    finally
        running.Kill true

/// The F# script, which takes the built library of the checkout, counts the same verdicts.
let private script folder verdicts =
    let built = Path.Combine(root, "Core.CSharp", "Repro", "bin", configuration, "net10.0")

    if File.Exists(Path.Combine(built, "Reproduction.dll")) then
        let file = Path.Combine(folder, "judge.fsx")
        File.WriteAllText(file, (readmeProgram "script").Replace("Core.CSharp/Repro/bin/Release/net10.0", built))
        let lines = (dotnetSucceeds without folder [ "fsi"; file ]).Split('\n', StringSplitOptions.RemoveEmptyEntries)
        let expected = verdicts |> List.countBy (fun (_, _, verdict) -> verdict) |> List.map (fun (verdict, count) -> $"{verdict}: {count}")
        Expect.equal (Set lines) (Set expected) "the verdicts"

[<Tests>]
let tests =
    testSequenced
    <| testList "ten lines" [
        testCase "README.md's program is about ten lines"
        <| fun () ->
            let lines =
                program.Value.Split '\n'
                |> Array.filter (fun line -> line.Trim().Length > 1 && not (line.StartsWith "using Reproduction"))

            Expect.isLessThanOrEqual lines.Length 10 "lines without usings and braces"

        testCase
            "README.md's programs run from the package: one fits, saves, loads and judges, the other serves; the script judges likewise"
        <| fun () ->
            if not (OperatingSystem.IsLinux()) then skiptest "the projects take libtorch for Linux"
            let temporary = Directory.CreateTempSubdirectory("reproduction-package-").FullName
            let folder = (Directory.CreateDirectory(Path.Combine(temporary, "inspect"))).FullName
            let at name = Path.Combine(folder, name)

            try
                pack (at "../feed")
                build folder (at "bin") "Microsoft.NET.Sdk" program.Value
                photographs folder
                let output = dotnetSucceeds (("XDG_CACHE_HOME", Some(at "cache")) :: without) folder [ at "bin/Inspect.dll" ]
                Expect.isTrue (isChecked (at "cache")) "libtorch was checked in the shapes of all methods before a convolution was trusted"
                let lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                Expect.hasLength lines 2 output

                let verdicts = [
                    for line, name in Seq.zip lines [ "good-0"; "hole-0" ] do
                        let found = Regex.Match(line, $@"^photos/new/{name}\.png: (-?\d+\.\d\d\d), (Good|Defective)$")
                        Expect.isTrue found.Success line
                        Expect.isTrue (File.Exists(at $"{name}-heat.png")) "the overlay"
                        name, found.Groups[1].Value, found.Groups[2].Value
                ]

                Expect.isTrue (File.Exists(at "product.model")) "the model"
                Expect.isTrue (File.Exists(at "bin/weights/resnet18_cntk.onnx")) "the network that comes along"
                let service = (Directory.CreateDirectory(Path.Combine(temporary, "service"))).FullName
                build service (at "service") "Microsoft.NET.Sdk.Web" (readmeProgram "web service")
                serves folder (at "service/Inspect.dll") verdicts
                script folder verdicts
            finally
                Directory.Delete(temporary, true)
    ]
