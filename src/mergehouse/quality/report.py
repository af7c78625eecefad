def write_report(project):
    return project.lakehouse_folder / "report.html"
