/// The library as a package: the program that README.md shows, compiled and run outside the repository.
module Reproduction.Tests.TenLines

open System
open System.Diagnostics
open System.IO
open System.Text.RegularExpressions
open Expecto
open Reproduction.Imaging
open Reproduction.Surfaces

let private root = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", ".."))
let private configuration = if AppContext.BaseDirectory.Contains "Debug" then "Debug" else "Release"

let private marker = "<!-- ten lines: a test compiles and runs them -->"

/// The block of code after the marker.
let private program =
    lazy
        (let found =
            Regex.Match(
                File.ReadAllText(Path.Combine(root, "README.md")),
                Regex.Escape marker + @"\s*```csharp\n(.*?)```",
                RegexOptions.Singleline
            )

         Expect.isTrue found.Success "README.md has the block"
         found.Groups[1].Value)

/// libtorch's package, as whoever takes the command's own takes it.
let private libtorch =
    lazy
        (let versions = File.ReadAllText(Path.Combine(root, "Directory.Packages.props"))
         Regex.Match(versions, "Include=\"(libtorch-cpu-linux-x64)\" Version=\"([0-9.]+)\"").Groups[2].Value)

let private globalPackages =
    match Option.ofObj (Environment.GetEnvironmentVariable "NUGET_PACKAGES") with
    | Some folder when folder <> "" -> folder
    | _ -> Path.Combine(Environment.GetFolderPath Environment.SpecialFolder.UserProfile, ".nuget", "packages")

let private dotnet folder (arguments: string list) =
    let info =
        ProcessStartInfo("dotnet", arguments, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder)
    // It would take the place of the project's own folder of packages, and what is packed here would stay.
    info.Environment.Remove "NUGET_PACKAGES" |> ignore
    info.Environment["DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"] <- "1"
    info.Environment["MSBUILDDISABLENODEREUSE"] <- "1"
    use running = nonNull (Process.Start info)
    let error = running.StandardError.ReadToEndAsync()
    let output = running.StandardOutput.ReadToEnd()

    if not (running.WaitForExit(TimeSpan.FromMinutes 5.0)) then
        running.Kill true
        failtest $"dotnet {arguments} did not end: {output}"

    running.ExitCode, output + error.Result

let private succeed folder arguments =
    let code, output = dotnet folder arguments
    Expect.equal code 0 $"dotnet {arguments}: {output}"
    output

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

let private project () =
    $"""<Project Sdk="Microsoft.NET.Sdk">
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
    <PackageReference Include="libtorch-cpu-linux-x64" Version="{libtorch.Value}" />
  </ItemGroup>
</Project>
"""

let private photographs folder =
    let write name split (defect: string) index =
        let struct (photograph, _) = SurfacesDataset.Render("woven", split, defect, index, 0)
        Directory.CreateDirectory(Path.Combine(folder, "photos", name)) |> ignore
        ImageFile.Write(Path.Combine(folder, "photos", name, $"{defect}-{index}.png"), photograph)

    for index in 0..5 do
        write "good" "train" "good" index

    write "new" "test" "good" 0
    write "new" "test" "hole" 0

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

        testCase "README.md's program runs from the package: it fits, saves, loads and judges"
        <| fun () ->
            if not (OperatingSystem.IsLinux()) then skiptest "the project takes libtorch for Linux"
            let temporary = Directory.CreateTempSubdirectory("reproduction-package-").FullName
            let folder = (Directory.CreateDirectory(Path.Combine(temporary, "inspect"))).FullName
            let at name = Path.Combine(folder, name)

            try
                let library = Path.Combine(root, "Core.CSharp", "Reproduction")

                succeed library [ "pack"; "-c"; configuration; $"-p:PackageVersion={version}"; "--no-build"; "-o"; at "../feed"; "-nologo" ]
                |> ignore

                File.WriteAllText(at "nuget.config", settings)
                File.WriteAllText(at "Inspect.csproj", project ())
                File.WriteAllText(at "Program.cs", program.Value)
                photographs folder

                match dotnet folder [ "restore"; "-nologo" ] with
                | 0, _ -> ()
                | _, output when Regex.IsMatch(output, "NU1301|NU1101|NU1102") ->
                    skiptest $"the feed cannot be reached, and the machine lacks a package: {output}"
                | _, output -> failtest output

                succeed folder [ "build"; "--no-restore"; "-nologo"; "-v"; "q"; "-o"; at "bin" ] |> ignore
                let output = succeed folder [ at "bin/Inspect.dll" ]
                let lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                Expect.hasLength lines 2 output

                for line, name in Seq.zip lines [ "good-0"; "hole-0" ] do
                    Expect.isTrue (Regex.IsMatch(line, $@"^photos/new/{name}\.png: -?\d+\.\d\d\d, (Good|Defective)$")) line
                    Expect.isTrue (File.Exists(at $"{name}-heat.png")) "the overlay"

                Expect.isTrue (File.Exists(at "product.model")) "the model"
                Expect.isTrue (File.Exists(at "bin/weights/resnet18_cntk.onnx")) "the network that comes along"
            finally
                Directory.Delete(temporary, true)
    ]
